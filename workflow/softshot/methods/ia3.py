"""(IA)3: trained scales of the keys, the values and the feed-forward part's activations, all 1 at the start.

k -> l_k * k, v -> l_v * v, W2 act(W1 x) -> W2 (l_ff * act(W1 x)). Liu et al. 2022, "Few-Shot Parameter-Efficient
Fine-Tuning is Better and Cheaper than In-Context Learning". At prediction the scales are multiplied into the weights.

Where these places are in a model is found by trying (`places`): which rows of which layer's output decide keys and
values, and which layer is the last of the feed-forward part. (PEFT's own defaults differ from the paper on some
architectures: on OPT they scale queries, and no values.)
"""

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.pytorch_utils import Conv1D

from softshot.engine.base import Base
from softshot.engine.changes import Rescaled, linear_layers, replace
from softshot.errors import UserError
from softshot.files import read_json
from softshot.methods import base as adapters
from softshot.methods.base import Examples
from softshot.methods.registry import IA3

NAME = "base_model.model.{}.ia3_l"  # PEFT's
BLOCK = re.compile(r".*?\.\d+\.")  # of a model: `model.layers.3.`


@dataclass(frozen=True)
class Places:
    """The layers that are rescaled."""

    outputs: dict[str, Tensor]  # layer -> the rows [n] of its output that are keys or values
    inputs: list[str]  # layers whose input is the feed-forward part's activation


class Scales(adapters.Adapter):
    """The scales of every place, in float32: [n] of an output's rows, [in] of an input."""

    def __init__(self, base: Base):
        super().__init__()
        self.base = base
        found, layers = places(base), linear_layers(base.model)
        self.rows = found.outputs | dict.fromkeys(found.inputs)
        self.layers = {name: Rescaled(layers[name], of_input=rows is None) for name, rows in self.rows.items()}
        sizes = [
            layer.in_features if rows is None else len(rows)
            for layer, rows in zip(self.layers.values(), self.rows.values(), strict=True)
        ]
        self.scales = nn.ParameterList(torch.ones(size) for size in sizes).to(base.device)
        for name, layer in self.layers.items():
            replace(base.model, name, layer)

    def whole(self) -> list[Tensor]:
        """The scales of whole inputs and outputs: queries in an output with keys and values have 1."""
        return [
            own if rows is None else own.new_ones(layer.out_features).index_copy(0, rows.to(own.device), own)
            for own, rows, layer in zip(self.scales, self.rows.values(), self.layers.values(), strict=True)
        ]

    def prepare(self) -> None:
        """Form every layer's matrix."""
        with torch.enable_grad():
            self.factors = self.whole()
        self.leaves = [factor.detach().requires_grad_() for factor in self.factors]
        for layer, leaf in zip(self.layers.values(), self.leaves, strict=True):
            layer.merge(leaf)

    def gather(self, count: int) -> None:
        """From whole inputs and outputs back to what is trained of them."""
        torch.autograd.backward(self.factors, [leaf.grad / count for leaf in self.leaves])

    def save(self, folder: Path) -> None:
        """Write the scales as PEFT's IA3: [1, in] of an input, [out, 1] of an output."""
        tensors = {
            NAME.format(name): scales[None] if layer.of_input else scales[:, None]
            for (name, layer), scales in zip(self.layers.items(), self.whole(), strict=True)
        }
        config = {
            "peft_type": "IA3",
            "target_modules": sorted(self.layers),
            "feedforward_modules": sorted(name for name, layer in self.layers.items() if layer.of_input),
            "fan_in_fan_out": any(isinstance(layer.layer, Conv1D) for layer in self.layers.values()),
        }
        adapters.save(folder, tensors, config, self.base)


def new(base: Base, size: int, settings: IA3, examples: Examples, seed: int) -> Scales:
    """Scales that change nothing yet, put into the model."""
    base.model.requires_grad_(False)
    return Scales(base)


@torch.no_grad()
def load(base: Base, folder: Path) -> None:
    """Multiply saved scales, ours or PEFT's, into the model's weights."""
    config, saved = read_json(folder / adapters.CONFIG), adapters.tensors(folder, base)
    layers = linear_layers(base.model)
    if config.get("modules_to_save"):
        raise UserError(f"{folder}: it holds whole layers too (modules_to_save), which softshot does not read.")
    for key, scales in saved.items():
        name = key.removeprefix("base_model.model.").removesuffix(".ia3_l")
        if name not in layers:
            raise UserError(f"{folder}: it rescales {name}, which this model does not have.")
        layer = layers[name]
        weight = layer.weight.T if isinstance(layer, Conv1D) else layer.weight
        weight.copy_(weight.to(scales.dtype) * scales)
        if layer.bias is not None and scales.shape[1] == 1:
            layer.bias.copy_(layer.bias.to(scales.dtype) * scales[:, 0])


def places(base: Base) -> Places:
    """Run two tokens with every linear layer's input cut off from what was before, and its output times ones: what
    keys and values depend on is the layer they come from. The last layer called in a block ends its feed-forward part.
    """
    layers = linear_layers(base.model)
    ones = {name: torch.ones(Rescaled(layer, of_input=False).out_features) for name, layer in layers.items()}
    ones = {name: one.to(base.device, base.model.dtype).requires_grad_() for name, one in ones.items()}
    order: list[str] = []
    hooks = [hook for name, layer in layers.items() for hook in _cut(layer, name, ones[name], order)]
    cache = DynamicCache(config=base.model.config)
    try:
        with torch.enable_grad():
            base.model(input_ids=torch.tensor([[5, 6]], device=base.device), past_key_values=cache, use_cache=True)
            total = sum((states**2).sum() for layer in cache.layers for states in (layer.keys, layer.values))
            gradients = torch.autograd.grad(total, [ones[name] for name in order], allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    outputs = {
        name: gradient.nonzero()[:, 0]
        for name, gradient in zip(order, gradients, strict=True)
        if gradient is not None and gradient.any()
    }
    blocks = {BLOCK.match(name)[0] for name in outputs if BLOCK.match(name)}
    ends = {match[0]: name for name in order if (match := BLOCK.match(name)) and match[0] in blocks}
    if len(ends) != len(cache.layers) or set(ends.values()) & outputs.keys():
        raise UserError(
            "ia3: the keys, values and feed-forward parts of this model were not found in its linear layers"
            f" ({', '.join(order[:4])}, ...). Use another method with it."
        )
    return Places(outputs, list(ends.values()))


def _cut(layer: nn.Module, name: str, ones: Tensor, order: list[str]) -> tuple:
    """Hooks that cut a layer's input off, multiply its output by ones, and note when it is called."""

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        order.append(name)
        return given[0].detach(), *given[1:]

    return layer.register_forward_pre_hook(before), layer.register_forward_hook(lambda _, __, output: output * ones)
