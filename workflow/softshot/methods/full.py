"""Full tuning: all weights are trained.

Where the model is in bfloat16 small updates would be rounded away: there the optimiser works on a copy of the weights
in float32, from which the model's are rounded before every pass. Dropout is off, as everywhere here; transformers'
Trainer applies what the model's configuration says.

The adapter is the model's weights by their names, in the model's precision (`load_state_dict(..., strict=False)` takes
them; what is tied is there once). It is as large as the model: a study deletes it when it has been used, unless it is
told to keep it.
"""

from collections.abc import Set
from pathlib import Path

import torch
from torch import Tensor, nn

from softshot.engine.base import Base
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import Full


class Weights(adapters.Adapter):
    """Weights of the model, each once (an embedding may also be the head), in float32."""

    def __init__(self, base: Base, names: Set[str] | None = None):
        """`names`: of those that are trained; None for all."""
        super().__init__()
        self.base = base
        for name, weight in base.model.named_parameters():
            weight.requires_grad_(names is None or name in names)
        base.fuse()
        trained = [(name, weight) for name, weight in base.model.named_parameters() if weight.requires_grad]
        self.names, self.weights = zip(*trained, strict=True)
        self.copied = base.model.dtype.itemsize < 4
        self.masters = nn.ParameterList(nn.Parameter(w.detach().float()) if self.copied else w for w in self.weights)
        if self.copied:
            for weight, master in zip(self.weights, self.masters, strict=True):
                weight.register_post_accumulate_grad_hook(lambda weight, master=master: hand_over(weight, master))

    @torch.no_grad()
    def prepare(self) -> None:
        """Round the model's weights from their copies, where there are some."""
        if self.copied:
            for weight, master in zip(self.weights, self.masters, strict=True):
                weight.copy_(master)

    def save(self, folder: Path) -> None:
        """Write the weights under their names in the model."""
        tensors = dict(zip(self.names, self.masters, strict=True))
        adapters.save(folder, tensors, {"peft_type": None}, self.base, self.base.model.dtype)


def hand_over(weight: Tensor, master: Tensor) -> None:
    """Add the gradient that a pass gave a weight to its copy's: passes are added up in float32."""
    gradient, weight.grad = weight.grad.float(), None
    master.grad = gradient if master.grad is None else master.grad.add_(gradient)


def new(base: Base, size: int, settings: Full, examples: Examples, seed: int) -> Weights:
    """All weights, as they are."""
    return Weights(base)


@torch.no_grad()
def load(base: Base, folder: Path) -> None:
    """Put saved weights in the place of the model's."""
    _, tensors = adapters.read(folder, base, "full", frozenset())
    weights = dict(base.model.named_parameters())
    if strange := sorted(tensors.keys() ^ weights.keys()):
        raise UserError(f"{folder} holds the weights of another model: {strange[0]} is in one of the two only.")
    for name, weight in weights.items():
        if tensors[name].shape != weight.shape:
            raise UserError(f"{folder} holds the weights of another model: {name} is {tuple(tensors[name].shape)}.")
        weight.copy_(tensors[name])
