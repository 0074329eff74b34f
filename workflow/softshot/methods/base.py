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
from softshot.files import replacing, verify, write_text

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


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


def tensors(folder: Path, base: Base) -> dict[str, Tensor]:
    """The tensors of a saved adapter, on the model's device; a file that is not whole is an error."""
    verify(folder / WEIGHTS)
    try:
        return load_file(folder / WEIGHTS, device=str(base.device))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{folder / WEIGHTS} is no whole adapter ({error}): delete it and tune again.") from None
