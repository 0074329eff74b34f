"""What a method is to the rest: an `Adapter` that is trained and saved, and what it does to a model at prediction.

A method's module has two functions beside its Adapter:

    new(base, size, settings, examples, seed) -> Adapter    at its first value; `seed` decides every random choice
    load(base, folder) -> Prefix | None                     a saved one put to use: merged into `base`, or a prefix

`examples` are the training records as demonstrations (`Examples`). Adapters are saved in PEFT's format, so that
`PeftModel.from_pretrained(model, folder)` loads them.
"""

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.engine.layout import Layout, Row
from softshot.engine.prefix import Prefix
from softshot.errors import UserError
from softshot.files import read_json, replacing, verify, write_text
from softshot.methods.registry import METHODS

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
COMMON = {  # in every configuration of PEFT's, and no matter here
    *("peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version")
}
PROMPT = {  # in those of prompts and prefixes, of which nothing but the vectors is saved
    *("num_virtual_tokens", "token_dim", "num_transformer_submodules", "num_attention_heads", "num_layers"),
    *("encoder_hidden_size", "encoder_num_layers", "encoder_dropout", "encoder_reparameterization_type"),
    *("prefix_projection", "init_weights", "prompt_tuning_init", "prompt_tuning_init_text", "num_frozen_tokens"),
    *("tokenizer_name_or_path", "tokenizer_kwargs"),
}


class Examples(Sequence[list[int]]):
    """The training records as token ids, as they stand in a context; each is made when it is asked for."""

    def __init__(self, layout: Layout, records: list[dict]):
        self.layout, self.records = layout, records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> list[int]:
        return self.layout.example(self.records[place])


class Adapter(nn.Module):
    """What is trained. Its parameters are the optimiser's, its state dict is what a run continues from."""

    trained_on: Set[str] | None = None  # ids of the training records that are used; None for all

    def prepare(self) -> None:
        """Make the model what the parameters say: called before the passes of a step and of a validation."""

    def prefix(self) -> Prefix | None:
        """What stands before every row, differentiable; None of a method that changes weights."""
        return None

    def visible(self, rows: list[Row], generator: torch.Generator) -> Tensor | None:
        """In training, the positions of the prefix that each row attends to: [B, T] booleans; None for all."""
        return None

    def gather(self, count: int) -> None:
        """Give the parameters their gradients of the mean loss, from those of the sum over `count` target tokens.

        A prefix's gradients are not there yet.
        """
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad /= count

    def final(self, step: int, steps: int) -> bool:
        """Whether the run may end with its state after step `step` of `steps`: it has the size that was asked for."""
        return True

    def penalty(self) -> Tensor | None:
        """What is added to the mean loss per target token of a step: a scalar, or None."""
        return None

    def after_step(self, step: int, steps: int) -> None:
        """Called after the optimiser's step `step` (the first is 1) of `steps`, the gradients still there."""

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format."""
        raise NotImplementedError

    def describe(self, folder: Path) -> dict[str, Any]:
        """Numbers on what was learned, for `tuning.json`; tables of it go into `folder`."""
        return {}


def save(
    folder: Path,
    tensors: Mapping[str, Tensor],
    config: dict[str, Any],
    base: Base,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write `tensors`, and PEFT's configuration of them."""
    common = {
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base.model.config.name_or_path,
        "inference_mode": True,
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file({name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}, temporary)
    write_text(folder / CONFIG, json.dumps(config | common, indent=2) + "\n")


def read(folder: Path, base: Base, method: str, parts: Set[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A saved adapter, ours or PEFT's: its configuration and its tensors, on the model's device.

    `parts`: the keys of the configuration that the method understands, beside those of every adapter. Raises UserError
    for a file that is not whole, for an adapter that the method does not read, and for one that is more than it reads.
    """
    config = read_json(folder / CONFIG)
    if (kind := config.get("peft_type")) not in METHODS[method].reads:
        raise UserError(f"{folder}: {method} does not read an adapter of the kind {kind}.")
    if more := sorted(key for key, value in config.items() if value and key not in parts | COMMON):
        raise UserError(f"{folder}: its {more[0]} ({config[more[0]]!r}) is more than softshot reads of a {kind}.")
    verify(folder / WEIGHTS)
    try:
        return config, load_file(folder / WEIGHTS, device=str(base.device))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{folder / WEIGHTS} is no whole adapter ({error}): tune again, or fetch it again.") from None


def only(tensors: Mapping[str, Tensor], name: str, folder: Path) -> Tensor:
    """The one tensor of an adapter that has no others. Raises UserError where it has."""
    if tensors.keys() != {name}:
        raise UserError(f"{folder / WEIGHTS} holds {', '.join(sorted(tensors)[:3])}, where softshot reads {name} only.")
    return tensors[name]
