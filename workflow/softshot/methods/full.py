"""Full tuning: all weights are trained.

In bfloat16 small updates would be rounded away: there the optimiser works on a copy of the weights in float32, from
which the model's are rounded before every pass. The adapter is the model's weights; they are as large as the model,
and a study deletes them when they have been used, unless it is told to keep them.
"""

from pathlib import Path

import torch
from torch import nn

from softshot.engine.base import Base
from softshot.errors import UserError
from softshot.files import read_json
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import Full


class Weights(adapters.Adapter):
    """The weights of the model, each once (an embedding may also be the head), in float32."""

    def __init__(self, base: Base):
        super().__init__()
        self.base = base
        self.names, self.weights = zip(*base.model.named_parameters(), strict=True)
        wide = base.model.dtype in (torch.float32, torch.float64)
        self.masters = nn.ParameterList(w if wide else nn.Parameter(w.detach().float()) for w in self.weights)
        self.copied = not wide

    @torch.no_grad()
    def prepare(self) -> None:
        """Round the model's weights from their copies, where there are some."""
        if self.copied:
            for weight, master in zip(self.weights, self.masters, strict=True):
                weight.copy_(master)

    @torch.no_grad()
    def gather(self, count: int) -> None:
        """Give the copies the gradients of the model's weights."""
        if self.copied:
            for weight, master in zip(self.weights, self.masters, strict=True):
                master.grad = None if weight.grad is None else weight.grad.float() / count
                weight.grad = None
        else:
            super().gather(count)

    def save(self, folder: Path) -> None:
        """Write the weights under their names in the model, in the model's precision."""
        tensors = dict(zip(self.names, self.masters, strict=True))
        adapters.save(folder, tensors, {"peft_type": None}, self.base, self.base.model.dtype)


def new(base: Base, size: int, settings: Full, examples: Examples, seed: int) -> Weights:
    """All weights, as they are."""
    base.model.requires_grad_(True)
    return Weights(base)


@torch.no_grad()
def load(base: Base, folder: Path) -> None:
    """Put saved weights in the place of the model's."""
    if read_json(folder / adapters.CONFIG).get("peft_type") is not None:
        raise UserError(f"{folder} holds an adapter of PEFT's, not all weights of a model.")
    saved, weights = adapters.tensors(folder, base), dict(base.model.named_parameters())
    if saved.keys() != weights.keys():
        raise UserError(f"{folder} holds the weights of another model: {min(saved.keys() ^ weights.keys())}.")
    for name, weight in weights.items():
        weight.copy_(saved[name])
