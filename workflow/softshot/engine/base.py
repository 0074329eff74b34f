"""The frozen base model and its tokenizer."""

import inspect
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from softshot.engine import kernels
from softshot.engine.tokenization import Tokenization
from softshot.errors import UserError
from softshot.models import layout


@dataclass(frozen=True)
class Base:
    """A frozen causal language model. Nothing of it is ever trained or changed."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def config(self):
        return self.model.config.get_text_config()

    def embed(self, ids) -> torch.Tensor:
        """The model's own embeddings of `ids`: [T, H]."""
        return self.model.get_input_embeddings()(torch.as_tensor(ids, device=self.device)).float()

    @cached_property
    def takes_position_ids(self) -> bool:
        """BLOOM has none: its ALiBi distances are counted from the attention mask."""
        return "position_ids" in inspect.signature(self.model.forward).parameters

    @cached_property
    def alibi_slopes(self) -> torch.Tensor | None:
        """BLOOM's, [heads]; None for models with positions of another kind."""
        if self.model.config.model_type != "bloom":
            return None
        from softshot.engine import bloom  # only where it is needed: start-up counts

        return bloom.alibi_slopes(self.model.config.n_head).to(self.device)

    @cached_property
    def embedding_size(self) -> int:
        """H of a soft token: the embedding's width, which OPT-350M's hidden size is not."""
        return self.model.get_input_embeddings().embedding_dim

    @cached_property
    def tokenization(self) -> Tokenization:
        """How the model's tokenizer writes the pieces of a row."""
        return Tokenization(self.tokenizer)


def load(folder: Path, dtype: str = "auto", threads: int = 1, frozen: bool = True) -> Base:
    """Load the frozen model from `folder` onto the GPU where there is one, offline, safetensors only.

    `dtype` is one of the setting `engine.dtype`; `threads` are torch's threads on the CPU.
    """
    layout.verify(folder)
    torch.set_num_threads(threads)
    logging.disable_progress_bar()  # a bar per weight shard is noise in a log file
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        # bfloat16 is emulated, and very slow, on most CPUs.
        dtype = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    try:
        options = {"local_files_only": True, "trust_remote_code": False}
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, use_safetensors=True, **options)
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{folder}: cannot load the model ({error}). Delete the folder to fetch it again.") from None
    model = model.requires_grad_(False).eval().to(device)
    if model.config.model_type == "bloom":
        from softshot.engine import bloom  # only where it is needed: start-up counts

        bloom.install(model)
    if model.device.type == "cpu" and model.dtype == torch.float32:
        kernels.install(model)
    return Base(model, tokenizer)
