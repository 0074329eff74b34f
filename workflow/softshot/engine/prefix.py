"""What stands before every row of a batch: the prefix, the same for all of them.

Attention is causal and the prefix comes first, so what the model makes of it is the same for all rows, in the loss
and in its gradient. Vectors run through the model once; keys and values need not run at all.

This module knows how a prefix is given and how it becomes a cache to go on from; `packed.py` puts it before packed
rows. Nothing here knows what trains a prefix, or where it is stored.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from softshot.engine.base import Base
from softshot.errors import UserError

States = tuple[tuple[Tensor, Tensor], ...]


@dataclass(frozen=True)
class Prefix:
    """T positions before every row: vectors that the model reads, or keys and values, as if it had read something.

    One of the two is given. `None` in a prefix's place is no prefix.
    """

    embeddings: Tensor | None = None  # [T, H]
    states: States | None = (
        None  # of each layer: keys [heads, T, D], with their positions in them; values [heads, T, D']
    )

    def __post_init__(self):
        if (self.embeddings is None) == (self.states is None):
            raise ValueError("a prefix is embeddings or states, one of the two")

    def __len__(self) -> int:
        """T."""
        return len(self.embeddings) if self.states is None else self.states[0][0].shape[1]

    @property
    def tensors(self) -> list[Tensor]:
        """All that it consists of."""
        return [self.embeddings] if self.states is None else [tensor for layer in self.states for tensor in layer]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Prefix":
        """The same with `function` of each tensor."""
        if self.states is None:
            return Prefix(embeddings=function(self.embeddings))
        return Prefix(states=tuple((function(keys), function(values)) for keys, values in self.states))

    def of_model(self, base: Base) -> "Prefix":
        """In the model's precision; differentiable. Raises UserError where it was made for another model."""
        shapes = [(len(keys), keys.shape[-1], values.shape[-1]) for keys, values in self.states or ()]
        if self.states is None and self.embeddings.shape[1] != base.embedding_size:
            raise UserError(
                f"a prefix of vectors of {self.embeddings.shape[1]} numbers does not fit a model whose embeddings"
                f" have {base.embedding_size}."
            )
        if self.states is not None and shapes != base.findings.cache_shapes:
            expected = base.findings.cache_shapes
            raise UserError(
                f"a prefix of keys and values for {len(shapes)} layers (heads and sizes {sorted(set(shapes))}) does not"
                f" fit a model of {len(expected)} layers ({sorted(set(expected))})."
            )
        return self.map(lambda tensor: tensor.to(base.model.dtype))


def prefix_cache(base: Base, prefix: Prefix | None, rows: int) -> DynamicCache:
    """The prefix's keys and values, repeated for `rows` rows; gradients flow back through them."""
    cache = DynamicCache(config=base.model.config)
    if prefix is None:
        return cache
    prefix = prefix.of_model(base)
    if prefix.states is None:
        embeddings = prefix.embeddings.unsqueeze(0)  # [1, T, H]
        mask = torch.ones(embeddings.shape[:2], dtype=torch.long, device=base.device)
        base.model.base_model(inputs_embeds=embeddings, attention_mask=mask, past_key_values=cache, use_cache=True)
    else:
        for index, (keys, values) in enumerate(prefix.states):
            cache.update(keys.unsqueeze(0), values.unsqueeze(0), index)
    for layer in cache.layers:  # views, not copies
        layer.keys, layer.values = (x.expand(rows, -1, -1, -1) for x in (layer.keys, layer.values))
    return cache


def forward(
    base: Base, ids: Tensor, mask: Tensor, cache: Cache, positions: Tensor, logits_to_keep: int | Tensor
) -> Tensor:
    """Logits of `ids` [B, L] at `positions` [B, L] that continue from `cache`, as `mask` [B, past + L] lets them."""
    return base.model(
        input_ids=ids,
        attention_mask=mask,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=logits_to_keep,
        **({"position_ids": positions} if base.takes_position_ids else {}),
    ).logits


@torch.no_grad()
def states_of(base: Base, ids: list[int]) -> Prefix:
    """What the model makes of a text, to begin from: its keys and values as a prefix of their own."""
    cache = prefix_cache(base, Prefix(embeddings=base.embed(ids)), 1)
    return Prefix(states=tuple((layer.keys[0], layer.values[0]) for layer in cache.layers))
