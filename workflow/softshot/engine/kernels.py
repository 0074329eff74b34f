"""The models' small functions in fewer passes over memory, on the CPU. Same values and gradients, up to rounding.

Between the matrix products a step is bound by memory bandwidth, and transformers writes these functions
as many small operations, each of which reads and writes its tensors again.

A module is known by what it is made of, and is replaced where the replacement gives what it gives. A layer may be
frozen, trained, or changed (products.py); one that something unknown wraps is refused.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, silu
from transformers import PreTrainedModel

from softshot.engine.products import Product, any_trained, factors_of, product_of

GELU_TANH = {"NewGELUActivation", "BloomGelu"}  # GPT-2's and BLOOM's, written as many operations


class RMSNorm(torch.autograd.Function):
    """x / rms(x) * weight over the last dimension."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """`x`: [..., H]; `weight`: [H]."""
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = squares.div_(x.shape[-1]).add_(eps).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, weight, inverse)
        return (x * inverse).mul_(weight)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """The gradients of `x` and, where it is trained, `weight`."""
        x, weight, inverse = ctx.saved_tensors
        of_weight = None
        if ctx.needs_input_grad[1]:
            of_weight = (x * inverse).mul_(gradient).flatten(0, -2).sum(0)
        gradient = gradient * weight
        along = (gradient * x).mean(-1, keepdim=True)
        return torch.addcmul(gradient.mul_(inverse), x, along.mul_(inverse**3).neg_()), of_weight, None


class FusedRMSNorm(nn.Module):
    """A norm by `RMSNorm`, with the same weight, to which Gemma's adds `offset` 1."""

    def __init__(self, weight: nn.Parameter, offset: float, eps: float):
        super().__init__()
        self.weight, self.offset, self.eps = weight, offset, eps

    def forward(self, hidden_states: Tensor) -> Tensor:
        """[..., H] to [..., H]."""
        weight = self.weight + self.offset if self.offset else self.weight
        return RMSNorm.apply(hidden_states, weight, self.eps)


class GatedMLP(torch.autograd.Function):
    """down(act(gate(x)) * up(x)): the products in place, what is cheap computed again, and no gradient but those of `x`
    and of what is trained."""

    @staticmethod
    def forward(ctx, x: Tensor, products: tuple[Product, Product, Product], activation: str, *_: Tensor) -> Tensor:
        """`x`: [..., H]; `products`: gate and up, of F outputs, and down, all without biases; then their factors."""
        gate, up, down = products
        gated, upped = linear(x, gate.matrix), linear(x, up.matrix)
        needed = x if any_trained(products[:2]) else None
        ctx.save_for_backward(needed, gated, upped, *(product.matrix for product in products))
        ctx.products, ctx.activation = products, activation
        return linear(ACTIVATIONS[activation](gated).mul_(upped), down.matrix)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `x` and of the factors."""
        x, gated, upped, *_ = ctx.saved_tensors
        gate, up, down = ctx.products
        inner = gradient @ down.matrix  # [..., F]
        activated = ACTIVATIONS[ctx.activation](gated)
        of_down = down.gradients(activated * upped, None, gradient, inner) if any_trained([down]) else ()
        of_up = activated.mul_(inner)
        of_gate = SLOPES[ctx.activation](inner.mul_(upped), gated)
        through_gate, through_up = of_gate @ gate.matrix, of_up @ up.matrix
        factors = gate.gradients(x, gated, of_gate, through_gate) + up.gradients(x, upped, of_up, through_up)
        return through_gate.add_(through_up), None, None, *factors, *of_down


ACTIVATIONS = {"silu": silu, "gelu": gelu, "gelu_tanh": lambda x: gelu(x, approximate="tanh")}
SLOPES = {
    "silu": torch.ops.aten.silu_backward,
    "gelu": torch.ops.aten.gelu_backward,
    "gelu_tanh": lambda gradient, x: torch.ops.aten.gelu_backward(gradient, x, approximate="tanh"),
}


class FusedGatedMLP(nn.Module):
    """A feed-forward part by `GatedMLP`, with the same layers; some have gate and up as one."""

    def __init__(self, mlp: nn.Module, activation: str):
        """`mlp`: in whose place this stands; its layers have no bias."""
        super().__init__()
        for name in ("gate_proj", "up_proj", "gate_up_proj", "down_proj"):
            if hasattr(mlp, name):
                setattr(self, name, getattr(mlp, name))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """[..., H] to [..., H]."""
        joint = hasattr(self, "gate_up_proj")
        layers = [self.gate_up_proj] if joint else [self.gate_proj, self.up_proj]
        products = [product_of(layer) for layer in (*layers, self.down_proj)]
        if None in products or products[-1].takes_y or (joint and any_trained(products[:1])):
            gated, upped = self.gate_up_proj(x).chunk(2, -1) if joint else [layer(x) for layer in layers]
            return self.down_proj(ACTIVATIONS[self.activation](gated) * upped)
        if joint:
            products[:1] = [Product(matrix, None) for matrix in products[0].matrix.chunk(2)]
        return GatedMLP.apply(x, tuple(products), self.activation, *factors_of(products))


def fused_norm(norm: nn.Module) -> nn.Module | None:
    """What can stand for an RMSNorm, by whatever name; None for another module."""
    if isinstance(norm, FusedRMSNorm):
        return None
    eps = getattr(norm, "variance_epsilon", getattr(norm, "eps", None))
    weights = dict(norm.named_parameters())
    if not isinstance(eps, float) or list(weights) != ["weight"] or weights["weight"].dim() != 1:
        return None
    weight = weights["weight"]
    x = torch.randn(3, len(weight), dtype=weight.dtype, generator=torch.Generator().manual_seed(0))
    x *= x.new_tensor([[1e-3], [1.0], [30.0]])  # so small that eps counts, ordinary, large
    expected = norm(x)
    return next(
        (
            fused
            for fused in (FusedRMSNorm(weight, offset, eps) for offset in (0.0, 1.0))
            if torch.allclose(fused(x), expected, rtol=1e-5, atol=1e-6)
        ),
        None,
    )


def fused_mlp(mlp: nn.Module) -> nn.Module | None:
    """What can stand for a gated feed-forward part with two or three layers without biases; None for another module."""
    layers = {name: layer for name, layer in mlp.named_children() if type(layer) is nn.Linear}
    if set(layers) not in ({"gate_proj", "up_proj", "down_proj"}, {"gate_up_proj", "down_proj"}):
        return None
    activation = getattr(mlp, "act_fn", getattr(mlp, "activation_fn", None))
    if activation is None or any(layer.bias is not None for layer in layers.values()):
        return None
    weight = layers["down_proj"].weight
    values = torch.linspace(-6, 6, 100, dtype=weight.dtype)
    names = [
        name
        for name, function in ACTIVATIONS.items()
        if torch.allclose(activation(values), function(values), rtol=1e-5, atol=1e-6)
    ]
    if not names:
        return None
    fused = FusedGatedMLP(mlp, names[0])
    x = torch.randn(1, 3, weight.shape[0], dtype=weight.dtype, generator=torch.Generator().manual_seed(0))
    expected = mlp(x)
    return fused if torch.allclose(fused(x), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())) else None


def replacement(module: nn.Module) -> nn.Module | None:
    """What can stand for a norm, an activation or a feed-forward part; None for another module."""
    if type(module).__name__ in GELU_TANH:
        return nn.GELU(approximate="tanh")  # the same function in one pass
    return fused_norm(module) or fused_mlp(module)


@torch.no_grad()
def install(model: PreTrainedModel) -> None:
    """Give a `model` in full precision on the CPU the functions above. Its weights stay as they are."""
    from softshot.engine import rotary  # only where it is needed: start-up counts

    trained = any(weight.requires_grad for weight in model.parameters())
    for parent in list(model.modules()):
        for name, module in parent.named_children():
            if trained and type(module).__name__ == "BloomGelu":
                continue  # its constant is cut after eight digits, which shows where every weight follows from it
            if (fused := replacement(module)) is not None:
                setattr(parent, name, fused)
    rotary.install(model)
