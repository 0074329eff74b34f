"""The base model and its tokenizer, as every method gets them: loaded from a folder, probed, frozen or to be trained.

A model is refused here, before anything is tuned, where softshot cannot be right with it. Nothing goes by an
architecture's name but BLOOM's, whose attention is replaced: what else is particular to a model is in
`Base.findings`, which `probe.py` finds by trying. Knows no methods, rows or prefixes.
"""

import inspect
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from softshot.engine import kernels, nf4
from softshot.engine.tokenization import Tokenization
from softshot.errors import UserError
from softshot.models import layout
from softshot.settings import BaseWeights

OFFLINE = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True)
class Base:
    """A causal language model and its tokenizer. Frozen, unless it was loaded for a method that trains its weights."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    quantised: int = 0  # weights that were rounded to NF4

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def config(self) -> PreTrainedConfig:
        """Of the language model, also where it is a part of a model of text and images."""
        return self.model.config.get_text_config(decoder=True)

    @cached_property
    def findings(self):
        """What the probe found out: `softshot.engine.probe.Findings`."""
        from softshot.engine import probe  # which looks at a Base

        return probe.probe(self)

    @cached_property
    def takes_position_ids(self) -> bool:
        """BLOOM has none: its ALiBi distances are counted from the attention mask."""
        return "position_ids" in inspect.signature(self.model.forward).parameters

    @property
    def counts_visible(self) -> bool:
        """Whether positions are counted from the attention mask, so that hiding a token moves those behind it."""
        return not self.takes_position_ids or getattr(self.config, "alibi", False)

    @property
    def can_hide(self) -> bool:
        """Whether a part of the prefix can be hidden from a row, which moves nothing else."""
        return self.findings.unpacked is None or not self.counts_visible

    @cached_property
    def alibi_slopes(self) -> Tensor | None:
        """BLOOM's, [heads]; None for models with positions of another kind."""
        return getattr(self.model.base_model, "alibi_slopes", None)

    @cached_property
    def embedding_size(self) -> int:
        """H of a soft token: the embedding's width, which OPT-350M's hidden size is not."""
        return self.model.get_input_embeddings().embedding_dim

    @cached_property
    def tokenization(self) -> Tokenization:
        """How the model's tokenizer writes the pieces of a row."""
        return Tokenization(self.tokenizer)

    @torch.no_grad()
    def embed(self, ids: list[int] | Tensor) -> Tensor:
        """What the model makes of token ids before its first layer, [..., H], scaled where it scales them."""
        return self.model.get_input_embeddings()(torch.as_tensor(ids, device=self.device))

    def freeze(self) -> "Base":
        """Nothing of the model is trained from here on, but for changes that are put into it."""
        self.model.requires_grad_(False)
        return self.fuse()

    def fuse(self) -> "Base":
        """The model's small functions are computed in fewer steps from here on."""
        _ = self.findings  # which tell of the model's own functions: before others are in their place
        if self.device.type == "cpu" and self.model.dtype.itemsize >= 4:  # half precision would round otherwise
            kernels.install(self.model)
        return self


def load(
    folder: Path,
    dtype: str = "auto",
    threads: int = 1,
    frozen: bool = True,
    positions: int | None = None,
    weights: BaseWeights = "full",
) -> Base:
    """Load the model in `folder` onto the GPU where there is one, offline, safetensors only, and probe it.

    `dtype` is one of the setting `engine.dtype`; `threads` are torch's threads on the CPU. With `frozen=False` the
    weights can be trained, or merged with something, and frozen later. `positions`: the most that prefix, row and
    output may take together. `weights` is one of the setting `models.base`. Raises UserError for a folder that cannot
    be used, and says why.
    """
    layout.verify(folder)
    torch.set_num_threads(threads)
    logging.disable_progress_bar()  # a bar per weight shard is noise in a log file
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, tokenizer = read(folder, automatic(device) if dtype == "auto" else dtype)
    quantised = 0 if weights == "full" else nf4.quantise(model, weights == "nf4", device)
    base = Base(prepare(model.eval().to(device)), tokenizer, quantised)
    try:
        findings = base.findings
        if positions is not None:
            findings.check_positions(positions)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from None
    if reason := findings.unpacked:
        print(f"{folder}: rows are padded, not packed: {reason}. This is right, and slower.", file=sys.stderr)
    return base.freeze() if frozen else base


def automatic(device: str) -> str:
    """The precision for a kind of device: bfloat16 is emulated, and slow, on most CPUs and on older GPUs (T4, V100)."""
    native = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if native else "float32"


def read(folder: Path, dtype: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The folder's model, with every weight from its files, and its tokenizer."""
    try:
        config = AutoConfig.from_pretrained(folder, **OFFLINE)
        if getattr(config, "quantization_config", None) is not None:
            raise UserError(
                f"{folder}: its weights are quantised, and gradients through them would be others than the model's."
                " Name a folder with the model's own weights."
            )
        options = {"dtype": dtype, "use_safetensors": True, "ignore_mismatched_sizes": True}
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, config=config, output_loading_info=True, **options, **OFFLINE
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **OFFLINE)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{folder}: cannot load the model ({error}). Delete the folder to fetch it again.") from None
    missing = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    if missing:
        found = sorted(report["unexpected_keys"])
        others = f"; {len(found)} others are called otherwise, such as {found[0]}" if found else ""
        raise UserError(
            f"{folder}: {len(missing)} weights that {type(model).__name__} needs are not in its files or of another"
            f" shape, such as {missing[0]}{others}. They would be random numbers. Save the whole model again with"
            " `save_pretrained`."
        )
    return model, tokenizer


def prepare(model: PreTrainedModel) -> PreTrainedModel:
    """Give BLOOM, the one architecture that transformers gives none, an attention that can be told what to do."""
    if model.config.model_type == "bloom":
        from softshot.engine import bloom  # only where it is needed: start-up counts

        bloom.install(model)
    return model
