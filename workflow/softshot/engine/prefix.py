"""The shared prefix: the soft prompt runs once, and every row continues from its keys and values.

Attention is causal and the prompt comes first, so its activations are the same for all rows of a
batch. Running it once is exact, for the loss and for its gradient, and saves T positions per row.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from softshot.engine.base import Base
from softshot.engine.last_layer import feed_forward_at
from softshot.engine.layout import Row
from softshot.engine.packed import attention_of, pack


@dataclass(frozen=True)
class Prefix:
    """What stands before every row: `embeddings` [T, H]."""

    embeddings: Tensor

    def __len__(self) -> int:
        return len(self.embeddings)

    def tensors(self) -> list[Tensor]:
        return [self.embeddings]

    def leaves(self) -> "Prefix":
        return Prefix(self.embeddings.detach().requires_grad_())


def prefix_cache(base: Base, prefix: Prefix | None, rows: int) -> DynamicCache:
    """The prompt's keys and values, repeated for `rows` rows; gradients flow back through them.

    `prompt`: [T, H], or None for an empty prefix.
    """
    cache = DynamicCache(config=base.model.config)
    if prefix is not None:
        embeddings = prefix.embeddings.to(base.model.dtype).unsqueeze(0)  # [1, T, H]
        mask = torch.ones(embeddings.shape[:2], dtype=torch.long, device=base.device)
        base.model.base_model(inputs_embeds=embeddings, attention_mask=mask, past_key_values=cache, use_cache=True)
        for layer in cache.layers:  # views, not copies
            layer.keys, layer.values = (x.expand(rows, -1, -1, -1) for x in (layer.keys, layer.values))
    return cache


def forward(base: Base, ids: Tensor, mask: Tensor, cache: Cache, logits_to_keep: int | Tensor) -> Tensor:
    """Logits of `ids` [B, L] that continue from `cache`; positions are counted from `mask` [B, past + L]."""
    positions = {}
    if base.takes_position_ids:
        positions["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
    return base.model(
        input_ids=ids,
        attention_mask=mask,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=logits_to_keep,
        **positions,
    ).logits


def target_hidden(base: Base, prefix: Prefix | None, rows: list[Row]) -> Tensor:
    """The last hidden states before each target token, [N, H], in the rows' order.

    `prompt`: [T, H], or None for an empty prefix.
    """
    prompt = prefix and prefix.embeddings
    tokens = 0 if prompt is None else len(prompt)
    texts = [(row.context + row.target)[:-1] for row in rows]  # the last target token is only ever a label
    packing = pack(texts, tokens, base.alibi_slopes, base.device, base.model.dtype)
    embeddings = base.model.get_input_embeddings()(packing.ids)
    if prompt is not None:
        embeddings = torch.cat([prompt.to(base.model.dtype), embeddings])
    positions = {"position_ids": packing.positions} if base.takes_position_ids else {}
    places, end = [], tokens
    for row in rows:
        end += len(row) - 1
        places += range(end - len(row.target), end)
    before_targets = torch.tensor(places, device=base.device)  # [N]
    with attention_of(base.model.config), feed_forward_at(base.model, before_targets):
        hidden = base.model.base_model(
            inputs_embeds=embeddings.unsqueeze(0), use_cache=False, packing=packing, **positions
        ).last_hidden_state[0]
    return hidden.index_select(0, before_targets)
