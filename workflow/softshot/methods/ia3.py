"""(IA)3: trained scales of the keys, the values and the feed-forward part's activations, all 1 at the start.

k -> l_k * k, v -> l_v * v, W2 act(W1 x) -> W2 (l_ff * act(W1 x)). Liu et al. 2022, "Few-Shot Parameter-Efficient
Fine-Tuning is Better and Cheaper than In-Context Learning" (arXiv 2205.05638). Keys and values are scaled as the
projections give them, before a norm of heads and before the rotation, so that at prediction the scales are multiplied
into the weights. In a gated feed-forward part it is act(gate) * up that is scaled, as in the authors' code.

Where these places are in a model is found by trying (`places`). PEFT's defaults are others: on OPT queries and no
values, on GPT-2 and BLOOM queries too.

Saved as PEFT's IA3, queries in a layer with keys and values with scales of 1; reads those of PEFT at any places.
"""

import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.pytorch_utils import Conv1D

from softshot.engine.base import Base
from softshot.engine.changes import Rescaled, linear_layers, matrix, rescale
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import IA3
from softshot.methods.weights import PREFIX, LayerChanges, by_layer, check_shape

PART = "ia3_l"
UNDERSTOOD = {"target_modules", "exclude_modules", "feedforward_modules", "fan_in_fan_out", "init_ia3_weights"}
BLOCK = re.compile(r".*?\.\d+\.")  # of a model: `model.layers.3.`


class Places(NamedTuple):
    """The layers that are rescaled."""

    outputs: dict[str, Tensor]  # layer -> the rows [n] of its output that are keys or values
    inputs: list[str]  # layers whose input is the feed-forward part's activation


class Scales(LayerChanges):
    """The scales of every place, in float32: [n] of an output's rows, [in] of an input."""

    def __init__(self, base: Base):
        found, layers = places(base), linear_layers(base.freeze().model)
        self.rows = found.outputs | dict.fromkeys(found.inputs)  # of an input, all are scaled
        super().__init__(base, {name: Rescaled(layers[name], rows is None) for name, rows in self.rows.items()})
        sizes = [self.layers[name].in_features if rows is None else len(rows) for name, rows in self.rows.items()]
        self.scales = nn.ParameterList(torch.ones(size) for size in sizes).to(base.device)

    def factors(self) -> list[tuple[Tensor]]:
        """The scales of whole inputs and outputs: queries in an output with keys and values have 1."""
        places = zip(self.scales, self.rows.values(), self.layers.values(), strict=True)
        return [
            (own if rows is None else own.new_ones(change.out_features).index_copy(0, rows, own),)
            for own, rows, change in places
        ]

    def save(self, folder: Path) -> None:
        """Write the scales as PEFT's IA3: [1, in] of an input, [out, 1] of an output."""
        tensors = {
            f"{PREFIX}{name}.{PART}": scales[None] if change.of_input else scales[:, None]
            for (name, change), (scales,) in zip(self.layers.items(), self.factors(), strict=True)
        }
        config = {
            "peft_type": "IA3",
            "target_modules": sorted(self.layers),
            "feedforward_modules": sorted(name for name, change in self.layers.items() if change.of_input),
            "fan_in_fan_out": self.transposed,
        }
        adapters.save(folder, tensors, config, self.base)


def new(base: Base, size: int, settings: IA3, examples: Examples, seed: int) -> Scales:
    """Scales that change nothing yet, put into the model."""
    return Scales(base)


def load(base: Base, folder: Path) -> None:
    """Multiply saved scales, ours or PEFT's, into the model's weights."""
    _, tensors = adapters.read(folder, base, "ia3", UNDERSTOOD)
    for name, (layer, (scales,)) in by_layer(tensors, (PART,), base, folder).items():
        of_input = scales.shape[0] == 1
        rows, columns = matrix(layer).shape
        check_shape(layer, (rows, scales.shape[1]) if of_input else (scales.shape[0], columns), name, folder)
        rescale(base.model, name, scales.flatten(), of_input)


def places(base: Base) -> Places:
    """Find the places. Raises UserError for a model in whose linear layers they are not.

    A token runs with every linear layer's input cut off from what was before, and its output times ones: keys and
    values come from the layers whose ones they depend on. The layer that is called last in a block, outside its
    attention, ends the feed-forward part.
    """
    layers = linear_layers(base.model)
    # In half precision a gradient could be 0 by chance, as one that is a sum over tokens could be in any.
    like = {"dtype": torch.promote_types(base.model.dtype, torch.float32), "device": base.device, "requires_grad": True}
    ones = {name: torch.ones(len(matrix(layer)), **like) for name, layer in layers.items()}
    order: list[str] = []
    hooks = [hook for name, layer in layers.items() for hook in _cut(layer, name, ones[name], order)]
    cache = DynamicCache(config=base.model.config)
    try:
        with torch.enable_grad():
            base.model(input_ids=torch.tensor([[5]], device=base.device), past_key_values=cache, use_cache=True)
    finally:
        for hook in hooks:
            hook.remove()
    states = [states for layer in cache.layers for states in (layer.keys, layer.values)]
    weights = [torch.randn(x.shape, generator=torch.Generator().manual_seed(i)).to(x) for i, x in enumerate(states)]
    gradients = torch.autograd.grad(states, [ones[name] for name in order], weights, allow_unused=True)
    outputs = {name: g.nonzero()[:, 0] for name, g in zip(order, gradients, strict=True) if g is not None and g.any()}
    return Places(outputs, ends(base, order, outputs))


def ends(base: Base, order: list[str], outputs: dict[str, Tensor]) -> list[str]:
    """The layer that ends each block's feed-forward part, of the layers in the `order` in which they are called.

    Raises UserError where `outputs` are not all keys and values of the blocks, or weights stand beside the layers.
    """
    blocks: dict[str, list[str]] = {}
    for name in order:
        if match := BLOCK.match(name):
            blocks.setdefault(match[0], []).append(name)
    blocks = {block: names for block, names in blocks.items() if outputs.keys() & names}
    sizes = [sum(len(outputs[name]) for name in names if name in outputs) for names in blocks.values()]
    last = [names[-1] for names in blocks.values()]
    attention = {name.rpartition(".")[0] for name in outputs}
    if sizes != [heads * (key + value) for heads, key, value in base.findings.cache_shapes]:
        raise _refused("its keys and values are not what linear layers give")
    if any(name.rpartition(".")[0] in attention for name in last):
        raise _refused("no linear layer ends its feed-forward part")
    for module in (module for block in blocks for module in base.model.get_submodule(block[:-1]).modules()):
        if not isinstance(module, nn.Linear | Conv1D) and any(p.dim() > 1 for p in module.parameters(recurse=False)):
            raise _refused(f"weights of its feed-forward part are no linear layers ({type(module).__name__})")
    return last


def _refused(why: str) -> UserError:
    return UserError(f"ia3: where it is to scale this model was not found: {why}. Use another method with it.")


def _cut(layer: nn.Module, name: str, ones: Tensor, order: list[str]) -> tuple:
    """Hooks that cut a layer's input off, multiply its output by ones, and note when it is called."""

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        order.append(name)
        return given[0].detach(), *given[1:]

    def after(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return (output * ones).to(output.dtype)

    return layer.register_forward_pre_hook(before), layer.register_forward_hook(after)
