"""What the methods that change linear layers share: the change in the model while it is trained, and PEFT's names.

A change is made of a few tensors, its *factors* (engine/changes.py), and these of the parameters. The gradients of a
step's passes meet at the factors, so that what makes them of the parameters runs back once.
"""

from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from softshot.engine.base import Base
from softshot.engine.changes import Changed, linear_layers, matrix, replace
from softshot.errors import UserError
from softshot.methods import base as adapters

PREFIX = "base_model.model."  # PEFT's, before the name of a layer


class LayerChanges(adapters.Adapter):
    """Changes of some linear layers, put into the model; the weights themselves are frozen."""

    def __init__(self, base: Base, changes: dict[str, Changed]):
        """`changes`: by the names of the layers of the frozen model in whose place they stand from here on."""
        super().__init__()
        self.base, self.layers = base, changes
        for name, change in changes.items():
            replace(base.model, name, change)

    def factors(self) -> list[tuple[Tensor, ...]]:
        """Of each layer what its `merge` takes, differentiable in the parameters."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Give every layer its factors as they are now."""
        with torch.enable_grad():
            self._factors = self.factors()
        self._leaves = [tuple(factor.detach().requires_grad_() for factor in factors) for factors in self._factors]
        for layer, leaves in zip(self.layers.values(), self._leaves, strict=True):
            layer.merge(*leaves)
            layer.train(self.training)

    def gather(self, count: int) -> None:
        """From the factors back to the parameters; those of a layer that no token came by have no gradient."""
        pairs = zip(chain.from_iterable(self._factors), chain.from_iterable(self._leaves), strict=True)
        reached = [(factor, leaf.grad / count) for factor, leaf in pairs if leaf.grad is not None]
        torch.autograd.backward(*zip(*reached, strict=True))

    @property
    def transposed(self) -> bool:
        """PEFT's `fan_in_fan_out`: the layers keep their weights as [in, out]."""
        return any(isinstance(change.layer, Conv1D) for change in self.layers.values())


def targets(base: Base, names: str | list[str]) -> dict[str, nn.Linear | Conv1D]:
    """The layers that are changed: all linear ones, or those whose name ends in one of `names`.

    Raises UserError for a name that no layer has.
    """
    layers = linear_layers(base.model)
    if names == "all-linear":
        return layers
    endings = {ending: [name for name in layers if f".{name}".endswith(f".{ending}")] for ending in names}
    if missing := [ending for ending, found in endings.items() if not found]:
        last = sorted({name.rpartition(".")[2] for name in layers})
        raise UserError(f"targets: {missing[0]}: no linear layer of this model is called so, only {', '.join(last)}.")
    chosen = {name for found in endings.values() for name in found}
    return {name: layer for name, layer in layers.items() if name in chosen}


def by_layer(
    tensors: dict[str, Tensor], parts: tuple[str, ...], base: Base, folder: Path
) -> dict[str, tuple[nn.Linear | Conv1D, list[Tensor]]]:
    """Of each layer that a saved adapter changes, by its name: the layer, and its tensors of `parts`, in float32.

    `parts` are the ends of the tensors' names. Raises UserError for a tensor that ends otherwise, for a layer that the
    model does not have or that lacks a part.
    """
    layers = linear_layers(base.model)
    names = {}
    for key in tensors:
        part = next((part for part in parts if key.endswith(f".{part}")), None)
        name = key.removeprefix(PREFIX).removesuffix(f".{part}")
        if part is None or name not in layers:
            what = "no linear layer of this model's body" if part else f"no {' or '.join(parts)} of a linear layer"
            raise UserError(f"{folder}: it changes {name}, which is {what}.")
        names[name] = layers[name]
    try:
        return {n: (layer, [tensors[f"{PREFIX}{n}.{part}"].float() for part in parts]) for n, layer in names.items()}
    except KeyError as error:
        raise UserError(f"{folder / adapters.WEIGHTS} lacks {error.args[0]}.") from None


def check_shape(layer: nn.Linear | Conv1D, shape: tuple[int, int], name: str, folder: Path) -> None:
    """Raise UserError where a saved change of [out, in] is not of the shape of its layer."""
    own = tuple(matrix(layer).shape)
    if tuple(shape) != own:
        raise UserError(f"{folder}: it changes {name} by a matrix of {tuple(shape)}; this model's is {own}.")
