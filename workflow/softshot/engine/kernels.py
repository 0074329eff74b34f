"""The models' small functions in fewer passes over memory, for the CPU. Same values, up to rounding.

Between the matrix products a step is bound by memory bandwidth, and transformers writes these functions
as many small operations, each of which reads and writes its tensors again.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu


class RMSNorm(torch.autograd.Function):
    """x / rms(x) * weight over the last dimension; the weight is frozen."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """`x`: [..., H]."""
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = squares.div_(x.shape[-1]).add_(eps).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, weight, inverse)
        return (x * inverse).mul_(weight)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `x`."""
        x, weight, inverse = ctx.saved_tensors
        gradient = gradient * weight
        along = (gradient * x).mean(-1, keepdim=True)
        return torch.addcmul(gradient.mul_(inverse), x, along.mul_(inverse**3).neg_()), None, None


class FusedRMSNorm(nn.Module):
    """LlamaRMSNorm by `RMSNorm`, with the same weight."""

    def __init__(self, norm: nn.Module):
        """`norm`: the LlamaRMSNorm in whose place this stands."""
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, hidden_states: Tensor) -> Tensor:
        """[..., H] to [..., H]."""
        return RMSNorm.apply(hidden_states, self.weight, self.eps)


class SwiGLU(torch.autograd.Function):
    """down(silu(gate(x)) * up(x)) with frozen weights: the products in place, no gradient but that of `x`."""

    @staticmethod
    def forward(ctx, x: Tensor, gate: Tensor, up: Tensor, down: Tensor) -> Tensor:
        """`x`: [..., H]; `gate`, `up`: [F, H]; `down`: [H, F]."""
        gated, upped = linear(x, gate), linear(x, up)
        ctx.save_for_backward(gated, upped, gate, up, down)
        return linear(silu(gated).mul_(upped), down)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """The gradient of `x`."""
        gated, upped, gate, up, down = ctx.saved_tensors
        gradient = gradient @ down  # [..., F]
        of_up = silu(gated).mul_(gradient)
        of_gate = torch.ops.aten.silu_backward(gradient.mul_(upped), gated)
        return (of_gate @ gate).add_(of_up @ up), None, None, None


class FusedSwiGLU(nn.Module):
    """LlamaMLP by `SwiGLU`, with the same weights."""

    def __init__(self, mlp: nn.Module):
        """`mlp`: the LlamaMLP in whose place this stands; its layers have no bias."""
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = mlp.gate_proj, mlp.up_proj, mlp.down_proj

    def forward(self, x: Tensor) -> Tensor:
        """[..., H] to [..., H]."""
        return SwiGLU.apply(x, self.gate_proj.weight, self.up_proj.weight, self.down_proj.weight)


def fused_mlp(mlp: nn.Module) -> nn.Module:
    """A LlamaMLP's replacement; itself where it has biases or another activation than SiLU."""
    plain = mlp.gate_proj.bias is None and type(mlp.act_fn).__name__ in ("SiLU", "SiLUActivation")
    return FusedSwiGLU(mlp) if plain else mlp


def fused_attention(attention: nn.Module) -> nn.Module:
    """A LlamaAttention's replacement."""
    from softshot.engine import llama  # only where it is needed: start-up counts

    return llama.fused(attention)


# By name, because importing every architecture would take longer than what is gained.
REPLACEMENTS = {
    "NewGELUActivation": lambda _: nn.GELU(approximate="tanh"),  # GPT-2's: the same function in one pass
    "BloomGelu": lambda _: nn.GELU(approximate="tanh"),
    "LlamaRMSNorm": FusedRMSNorm,
    "LlamaMLP": fused_mlp,
    "LlamaAttention": fused_attention,
}


def install(model: nn.Module) -> None:
    """Give a frozen float32 `model` the functions above. Its weights stay as they are."""
    for parent in list(model.modules()):
        for name, module in parent.named_children():
            if replacement := REPLACEMENTS.get(type(module).__name__):
                setattr(parent, name, replacement(module))
