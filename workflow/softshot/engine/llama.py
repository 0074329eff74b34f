"""Llama's attention for the CPU: its three projections as one product, and the rotation of queries and keys in place.

transformers rotates in a dozen operations forward and as many back, each a pass over memory.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import Cache
from transformers.models.llama.modeling_llama import (
    ALL_ATTENTION_FUNCTIONS,
    LlamaAttention,
    eager_attention_forward,
)


def rotate_(heads: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Turn `heads` [..., heads, D] in place by the angles of cos and sin [..., 1, D], of equal halves (RoPE)."""
    (first, second), cos, sin = heads.chunk(2, -1), cos.chunk(2, -1)[0], sin.chunk(2, -1)[0]
    turned = (first * cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).addcmul_(first, sin)
    first.copy_(turned)


class RotatedProjections(torch.autograd.Function):
    """Queries, keys and values of all positions, the first two rotated; the weight is frozen."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, cos: Tensor, sin: Tensor, heads: list[int]) -> tuple[Tensor, ...]:
        """`x`: [B, L, H]; `weight`: [all heads * D, H]; `cos`, `sin`: [B, L, 1, D]; `heads`: of q, k and v."""
        ctx.save_for_backward(weight, cos, sin)
        ctx.rotated = sum(heads[:2])
        projected = linear(x, weight).unflatten(-1, (sum(heads), -1))  # [B, L, all heads, D]
        rotate_(projected[:, :, : ctx.rotated], cos, sin)
        return projected.transpose(1, 2).split(heads, dim=1)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        """The gradient of `x`: turned back, then through the weight."""
        weight, cos, sin = ctx.saved_tensors
        gradient = torch.cat([part.transpose(1, 2) for part in gradients], dim=2)
        rotate_(gradient[:, :, : ctx.rotated], cos, -sin)
        return gradient.flatten(2) @ weight, None, None, None, None


class FusedLlamaAttention(LlamaAttention):
    """Llama's attention by `RotatedProjections`, with the same weights."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        **options,
    ) -> tuple[Tensor, Tensor | None]:
        """`hidden_states`: [B, L, H]; `position_embeddings`: cos and sin, [B or 1, L, D] each."""
        cos, sin = (x.unsqueeze(2) for x in position_embeddings)
        query, key, value = RotatedProjections.apply(hidden_states, self.projections, cos, sin, self.heads)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        context, weights = attend(self, query, key, value, attention_mask, dropout=0.0, scaling=self.scaling, **options)
        return self.o_proj(context.flatten(2)), weights


def fused(attention: LlamaAttention) -> LlamaAttention:
    """`attention` made a FusedLlamaAttention, its projections' weights parts of one tensor; as it is with biases."""
    parts = [attention.q_proj, attention.k_proj, attention.v_proj]
    if any(part.bias is not None for part in parts):
        return attention
    attention.projections = torch.cat([part.weight for part in parts])  # [all heads * D, H]
    attention.heads = [part.out_features // attention.head_dim for part in parts]
    rows = [part.out_features for part in parts]
    for part, weight in zip(parts, attention.projections.split(rows), strict=True):
        part.weight = nn.Parameter(weight, requires_grad=False)
    attention.__class__ = FusedLlamaAttention
    return attention
