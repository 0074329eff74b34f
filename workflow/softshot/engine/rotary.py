"""Attention with rotary positions on the CPU: a frozen model's projections as one product, fewer passes.

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

from softshot.engine.products import Product, any_trained, factors_of, product_of

PARTS = ("q_proj", "k_proj", "v_proj")
TRIAL = range(2, 10)  # token ids of the run


def rotate_(heads: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Turn `heads` [..., heads, D] in place by the angles of cos and sin [..., 1, D], of equal halves (RoPE)."""
    (first, second), cos, sin = heads.chunk(2, -1), cos.chunk(2, -1)[0], sin.chunk(2, -1)[0]
    turned = (first * cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).addcmul_(first, sin)
    first.copy_(turned)


class RotatedProjections(torch.autograd.Function):
    """Queries, keys and values of all positions, the first two rotated."""

    @staticmethod
    def forward(
        ctx, x: Tensor, products: tuple[Product, ...], cos: Tensor, sin: Tensor, heads: list[int], *_: Tensor
    ) -> tuple[Tensor, ...]:
        """`x`: [B, L, H]; `products`: one of all heads, or one each of q, k and v; `cos`, `sin`: [B, L, 1, D];
        `heads`: of q, k and v; then the products' factors."""
        ctx.products, ctx.rotated = products, sum(heads[:2])
        ctx.sizes = [len(product.matrix) for product in products]
        if len(products) == 1:
            projected = linear(x, products[0].matrix, products[0].bias)
        else:
            projected = x.new_empty(*x.shape[:-1], sum(ctx.sizes))
            text, parts = x.flatten(0, -2), projected.flatten(0, -2).split(ctx.sizes, dim=1)
            for product, part in zip(products, parts, strict=True):
                torch.mm(text, product.matrix.T, out=part)
                if product.bias is not None:
                    part += product.bias
        kept = [  # before the rotation
            part.clone() if product.takes_y else None
            for product, part in zip(products, projected.split(ctx.sizes, dim=-1), strict=True)
        ]
        needed = x if any_trained(products) else None
        ctx.save_for_backward(needed, cos, sin, *kept, *(product.matrix for product in products))
        projected = projected.unflatten(-1, (sum(heads), -1))  # [B, L, all heads, D]
        rotate_(projected[:, :, : ctx.rotated], cos, sin)
        return projected.transpose(1, 2).split(heads, dim=1)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of `x` and of the factors: turned back, then through the products."""
        x, cos, sin, *kept = ctx.saved_tensors
        gradient = torch.cat([part.transpose(1, 2) for part in gradients], dim=2)
        rotate_(gradient[:, :, : ctx.rotated], cos, -sin)
        of_x, factors = None, []
        parts = gradient.flatten(2).split(ctx.sizes, dim=-1)
        for product, part, y in zip(ctx.products, parts, kept, strict=False):
            own = part @ product.matrix if ctx.needs_input_grad[0] or product.takes_dx else None
            factors += product.gradients(x, y, part, own)
            of_x = own if of_x is None or own is None else of_x.add_(own)
        return of_x if ctx.needs_input_grad[0] else None, None, None, None, None, *factors


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
        cos, sin = (x.unsqueeze(2) for x in position_embeddings)
        products = self.products()
        if self.normed or products is None:
            query, key, value = self.projected(hidden_states, products)  # [B, L, heads, D]
            if self.normed:
                query, key = self.q_norm(query), self.k_norm(key)
            query, key = Rotated.apply(query, cos, sin), Rotated.apply(key, cos, sin)
            query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        else:
            query, key, value = RotatedProjections.apply(
                hidden_states, products, cos, sin, self.heads, *factors_of(products)
            )
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        context, weights = attend(self, query, key, value, attention_mask, dropout=0.0, scaling=self.scaling, **options)
        return self.o_proj(context.flatten(2)), weights

    def products(self) -> tuple[Product, ...] | None:
        """One of all projections where they are plain and frozen, else one of each; None where one is no product."""
        layers = [getattr(self, name) for name in PARTS]
        products = tuple(product_of(layer) for layer in layers)
        if None in products:
            return None
        if self.projections is not None and not factors_of(products):
            return (Product(self.projections, self.biases),)
        return products

    def projected(self, x: Tensor, products: tuple[Product, ...] | None) -> list[Tensor]:
        """Queries, keys and values as the layers give them, [B, L, heads, D] each."""
        if products is not None and len(products) == 1:
            joint = linear(x, self.projections, self.biases).unflatten(-1, (sum(self.heads), -1))
            return joint.split(self.heads, dim=2)
        return [getattr(self, name)(x).unflatten(-1, (-1, self.head_dim)) for name in PARTS]


def is_candidate(attention: nn.Module) -> bool:
    """Whether a module has the layers of such an attention and no others, and no norm over all heads at once."""
    if isinstance(attention, RotaryAttention):
        return False
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
    """Make `attention` a RotaryAttention as well; of a frozen one the projections' weights are parts of one tensor."""
    parts = [getattr(attention, name) for name in PARTS]
    rows = [part.out_features for part in parts]
    attention.heads = [size // attention.head_dim for size in rows]
    attention.normed = "q_norm" in dict(attention.named_children())
    attention.projections = attention.biases = None
    if not any(part.weight.requires_grad for part in parts):
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
