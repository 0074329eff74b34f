"""Trainable changes of frozen linear layers: what low-rank and rescaling methods put into a model.

A changed layer multiplies by one matrix M, the weight with its change, which is formed once per step: the forward pass
and the gradient of its input cost what the frozen layer's cost. The factors of the change get their gradients from the
layer's input x [N, in] and the gradient dY [N, out] of its output, without that of M. In bfloat16 small changes would
be rounded away in M, and packed weights (nf4.py) take none: there the change is computed beside the weight. At
prediction the change is put into the weight itself (`add`, `rescale`), or stays beside a packed one, which would have
to be rounded again. Knows neither methods nor files.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear
from transformers.pytorch_utils import Conv1D

from softshot.engine.nf4 import NF4Linear, matrix
from softshot.engine.products import Product

ROWS = 128  # of a weight that are changed at a time


class ChangedLinear(torch.autograd.Function):
    """The product of one changed layer; gradients of x and of the change's factors."""

    @staticmethod
    def forward(ctx, x: Tensor, product: Product, *factors: Tensor) -> Tensor:
        """`x`: [..., in]; `factors`: the product's."""
        y = linear(x, product.matrix, product.bias)
        ctx.product = product
        ctx.save_for_backward(x, y if product.takes_y else None, product.matrix)
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """dX = dY M, and what the change makes of it."""
        x, y, matrix = ctx.saved_tensors
        of_x = gradient @ matrix if ctx.needs_input_grad[0] or ctx.product.takes_dx else None
        return of_x, None, *ctx.product.gradients(x, y, gradient, of_x)


class Changed(nn.Module):
    """A frozen linear layer with a change, in the layer's place. `merge` after each step of its factors."""

    def __init__(self, layer: nn.Linear | Conv1D):
        super().__init__()
        self.layer = layer
        packed = isinstance(layer, NF4Linear)
        self.weight = None if packed else matrix(layer).detach()  # [out, in], a view of the layer's own
        self.bias = None if layer.bias is None else layer.bias.detach()
        wide = not packed and self.weight.dtype in (torch.float32, torch.float64)
        self.merged = torch.empty_like(self.weight) if wide else None
        self.out_features, self.in_features = (layer.out_features, layer.in_features) if packed else self.weight.shape

    def product(self) -> Product | None:
        """The layer with its change as one product; None where the change is computed beside the weight."""
        raise NotImplementedError

    def beside(self, x: Tensor) -> Tensor:
        """The same beside the weight, [..., in] to [..., out]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        product = self.product()
        return self.beside(x) if product is None else ChangedLinear.apply(x, product, *product.factors)

    def plain(self, x: Tensor) -> Tensor:
        """What the layer itself makes of x, [..., in] to [..., out]."""
        return self.layer(x) if self.weight is None else linear(x, self.weight, self.bias)


class LowRank(Changed):
    """W + scale B A. Hu et al. 2021, "LoRA"."""

    def __init__(self, layer: nn.Linear | Conv1D, scale: float, dropped: float = 0.0):
        """`dropped`: chance that an entry of the change's input is left out while training."""
        super().__init__(layer)
        self.scale, self.dropped = scale, dropped
        self.a = self.b = None  # [r, in] and [out, r]

    @torch.no_grad()
    def merge(self, a: Tensor, b: Tensor) -> None:
        """Take the factors `a` [r, in] and `b` [out, r] as they are now."""
        self.a, self.b = a, b
        if self.merged is None:
            return
        # A few rows at a time, which stay in the processor's cache between their copy and the sum.
        for weight, own, merged in zip(*(x.split(ROWS) for x in (self.weight, b, self.merged)), strict=True):
            torch.addmm(weight, own, a, alpha=self.scale, out=merged)

    def product(self) -> Product | None:
        """x (W + scale B A)' + bias."""
        if self.merged is None or (self.training and self.dropped):
            return None
        return Product(self.merged, self.bias, (self.a, self.b), self.gradients)

    def gradients(self, x: Tensor, y: None, gradient: Tensor, of_x: Tensor | None) -> tuple[Tensor, Tensor]:
        """dA = scale (dY B)' x, dB = scale dY' (x A'): no gradient of the whole weight."""
        text, flat = x.flatten(0, -2), gradient.flatten(0, -2)
        of_a = (flat @ self.b).T @ text
        of_b = ((text @ self.a.T).T @ flat).T  # in this order: the wide tensor is read along its rows
        return of_a.mul_(self.scale), of_b.mul_(self.scale)

    def beside(self, x: Tensor) -> Tensor:
        """With dropout before the change."""
        dropped = dropout(x, self.dropped, self.training)
        return self.plain(x) + self.scale * linear(linear(dropped, self.a.to(x.dtype)), self.b.to(x.dtype))


class Rescaled(Changed):
    """diag(l) W and its bias, or W diag(l). Liu et al. 2022, "(IA)3"."""

    def __init__(self, layer: nn.Linear | Conv1D, of_input: bool):
        super().__init__(layer)
        self.of_input = of_input
        self.scales = self.scaled_bias = None
        self.divisible = False  # no scale is 0, which would hide what its gradient is made of

    @torch.no_grad()
    def merge(self, scales: Tensor) -> None:
        """Take the scales l, [in] or [out], as they are now."""
        self.scales = scales
        if self.merged is not None:
            self.scaled_bias = self.bias if self.bias is None or self.of_input else self.bias * scales
            torch.mul(self.weight, scales if self.of_input else scales[:, None], out=self.merged)
            self.divisible = bool(scales.all())

    def product(self) -> Product | None:
        """x (diag(l) W)' + l bias, or x (W diag(l))' + bias."""
        if self.merged is None or not self.divisible:
            return None
        takes = {"takes_dx" if self.of_input else "takes_y": True}
        return Product(self.merged, self.scaled_bias, (self.scales,), self.gradients, **takes)

    def gradients(self, x: Tensor, y: Tensor | None, gradient: Tensor, of_x: Tensor | None) -> tuple[Tensor]:
        """dl is the sum over tokens of x dX / l, or of y dY / l: both hold l once already."""
        text, own = (x, of_x) if self.of_input else (y, gradient)
        return ((text * own).flatten(0, -2).sum(0).div_(self.scales),)

    def beside(self, x: Tensor) -> Tensor:
        """Scales lie close to 1, where bfloat16 has no numbers: it is their product that is rounded."""
        if self.of_input:
            return self.plain((x * self.scales).to(x.dtype))
        return (self.plain(x) * self.scales).to(x.dtype)


def linear_layers(model: nn.Module) -> dict[str, nn.Linear | Conv1D]:
    """Every linear layer of a model by its name, but for its head: what makes logits of hidden states."""
    head = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    }


def replace(model: nn.Module, name: str, module: nn.Module) -> None:
    """Put `module` in the place of the submodule of that name."""
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


@torch.no_grad()
def add(model: nn.Module, name: str, a: Tensor, b: Tensor, scale: float) -> None:
    """Add scale B A to the weight of the layer of that name, rounded once; beside it where it is packed."""
    layer = model.get_submodule(name)
    if isinstance(layer, NF4Linear):
        change = LowRank(layer, scale)
        change.merge(a, b)
        replace(model, name, change)
    else:
        matrix(layer).copy_(matrix(layer).to(a.dtype) + scale * (b @ a))


@torch.no_grad()
def rescale(model: nn.Module, name: str, scales: Tensor, of_input: bool) -> None:
    """Multiply the inputs of the layer of that name by `scales` [in], or its outputs by `scales` [out], in its weight,
    rounded once; beside it where it is packed."""
    layer = model.get_submodule(name)
    if isinstance(layer, NF4Linear):
        change = Rescaled(layer, of_input)
        change.merge(scales)
        replace(model, name, change)
        return
    weight = matrix(layer)
    weight.copy_(weight.to(scales.dtype) * (scales if of_input else scales[:, None]))
    if layer.bias is not None and not of_input:
        layer.bias.copy_(layer.bias.to(scales.dtype) * scales)
