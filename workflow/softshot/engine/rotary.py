"""Attention with rotary positions for a frozen model on the CPU: its projections as one product, fewer passes.

transformers rotates queries and keys in a dozen operations forward and as many back, each a pass over memory.
An attention is known by its layers (`q_proj`, `k_proj`, `v_proj`, `o_proj`, and norms of each head's queries and keys
where it has them: Llama, Qwen, Mistral, Gemma, StarCoder 2, SmolLM 3 and others), and is replaced where the replacement
gives what it gave in a run.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import Cache, PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from softshot.engine.frozen import frozen_weight, refuse_trainable

PARTS = ("q_proj", "k_proj", "v_proj")
TRIAL = range(2, 10)  # token ids of the run


def rotate_(heads: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Turn `heads` [..., heads, D] in place by the angles of cos and sin [..., 1, D], of equal halves (RoPE)."""
    (first, second), cos, sin = heads.chunk(2, -1), cos.chunk(2, -1)[0], sin.chunk(2, -1)[0]
    turned = (first * cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).addcmul_(first, sin)
    first.copy_(turned)


class RotatedProjections(torch.autograd.Function):
    """Queries, keys and values of all positions, the first two rotated; weight and bias are frozen."""

    @staticmethod
    def forward(
        ctx, x: Tensor, weight: Tensor, bias: Tensor | None, cos: Tensor, sin: Tensor, heads: list[int]
    ) -> tuple[Tensor, ...]:
        """`x`: [B, L, H]; `weight`: [all heads * D, H]; `cos`, `sin`: [B, L, 1, D]; `heads`: of q, k and v."""
        refuse_trainable(ctx, "RotatedProjections")
        ctx.save_for_backward(weight, cos, sin)
        ctx.rotated = sum(heads[:2])
        projected = linear(x, weight, bias).unflatten(-1, (sum(heads), -1))  # [B, L, all heads, D]
        rotate_(projected[:, :, : ctx.rotated], cos, sin)
        return projected.transpose(1, 2).split(heads, dim=1)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None, None, None, None]:
        """The gradient of `x`: turned back, then through the weight."""
        weight, cos, sin = ctx.saved_tensors
        gradient = torch.cat([part.transpose(1, 2) for part in gradients], dim=2)
        rotate_(gradient[:, :, : ctx.rotated], cos, -sin)
        return gradient.flatten(2) @ weight, None, None, None, None, None


class Rotated(torch.autograd.Function):
    """Heads turned by their positions' angles."""

    @staticmethod
    def forward(ctx, heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`heads`: [B, L, heads, D]; `cos`, `sin`: [B, L, 1, D]."""
        ctx.save_for_backward(cos, sin)
        turned = heads.clone()
        rotate_(turned, cos, sin)
        return turned

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Turned back."""
        cos, sin = ctx.saved_tensors
        turned = gradient.clone()
        rotate_(turned, cos, -sin)
        return turned, None, None


class RotaryAttention(nn.Module):
    """Stands before an attention's class: the same layers, with the projections of one product."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        **options,
    ) -> tuple[Tensor, Tensor | None]:
        """`hidden_states`: [B, L, H]; `position_embeddings`: cos and sin, [B or 1, L, D] each."""
        for name in PARTS:
            frozen_weight(getattr(self, name))
        cos, sin = (x.unsqueeze(2) for x in position_embeddings)
        if self.normed:
            projected = linear(hidden_states, self.projections, self.biases).unflatten(-1, (sum(self.heads), -1))
            query, key, value = projected.split(self.heads, dim=2)  # [B, L, heads, D]
            query, key = Rotated.apply(self.q_norm(query), cos, sin), Rotated.apply(self.k_norm(key), cos, sin)
            query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        else:
            query, key, value = RotatedProjections.apply(
                hidden_states, self.projections, self.biases, cos, sin, self.heads
            )
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        context, weights = attend(self, query, key, value, attention_mask, dropout=0.0, scaling=self.scaling, **options)
        return self.o_proj(context.flatten(2)), weights


def is_candidate(attention: nn.Module) -> bool:
    """Whether a module has the layers of such an attention and no others, and no norm over all heads at once."""
    layers = dict(attention.named_children())
    parts = [layers.pop(name, None) for name in (*PARTS, "o_proj")]
    norms = [layers.pop(name, None) for name in ("q_norm", "k_norm")]
    if layers or any(type(part) is not nn.Linear for part in parts):
        return False
    if attention.config._attn_implementation not in ALL_ATTENTION_FUNCTIONS:  # the model's own code
        return False
    biased = {part.bias is not None for part in parts[:3]}
    sizes = [len(norm.weight) for norm in norms if norm is not None]
    return len(biased) == 1 and sizes in ([], [attention.head_dim] * 2)


def fuse(attention: nn.Module) -> None:
    """Make `attention` a RotaryAttention as well, its projections' weights parts of one tensor."""
    parts = [getattr(attention, name) for name in PARTS]
    rows = [part.out_features for part in parts]
    attention.heads = [size // attention.head_dim for size in rows]
    attention.normed = "q_norm" in dict(attention.named_children())
    attention.projections = torch.cat([part.weight for part in parts])  # [all heads * D, H]
    attention.biases = None if parts[0].bias is None else torch.cat([part.bias for part in parts])
    for part, weight in zip(parts, attention.projections.split(rows), strict=True):
        part.weight = nn.Parameter(weight, requires_grad=False)
    attention.__class__ = type(f"Rotary{type(attention).__name__}", (RotaryAttention, type(attention)), {})


def install(model: PreTrainedModel) -> None:
    """Fuse what attention of `model` can be fused. Its weights stay as they are."""
    candidates = [module for module in model.modules() if is_candidate(module)]
    if not candidates:
        return
    calls = {}

    def note(attention: nn.Module, given: tuple, options: dict, result: tuple) -> None:
        calls[attention] = given, options, result[0]

    hooks = [module.register_forward_hook(note, with_kwargs=True) for module in candidates]
    model(input_ids=torch.tensor([[*TRIAL]]), use_cache=False)
    for hook in hooks:
        hook.remove()
    for attention, (given, options, expected) in calls.items():
        angles = options.get("position_embeddings")
        if angles is None or angles[0].shape[-1] != attention.head_dim:  # without rotation, or of a part of each head
            continue
        own = attention.__class__
        fuse(attention)
        found = attention(*given, **options)[0]
        if not torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())):
            attention.__class__ = own
