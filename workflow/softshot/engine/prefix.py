"""The shared prefix: the soft prompt runs once, at batch 1, and every row continues from its KV cache.

Attention is causal and the prompt comes first, so its activations are the same for all rows of a
batch. Running it once is exact, for the loss and for its gradient, and saves T positions per row.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DynamicCache

from softshot.engine.base import Base
from softshot.engine.layout import Row


def prefix_cache(base: Base, prompt: Tensor | None, rows: int) -> DynamicCache:
    """The prompt's keys and values, repeated for `rows` rows; gradients flow back through them.

    `prompt`: [T, H], or None for an empty prefix.
    """
    cache = DynamicCache(config=base.model.config)
    if prompt is not None:
        embeddings = prompt.to(base.model.dtype).unsqueeze(0)  # [1, T, H]
        mask = torch.ones(embeddings.shape[:2], dtype=torch.long, device=base.device)
        base.model.base_model(inputs_embeds=embeddings, attention_mask=mask, past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(rows)
    return cache


def forward(base: Base, ids: Tensor, mask: Tensor, cache: DynamicCache, logits_to_keep: int | Tensor) -> Tensor:
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


def target_loss(base: Base, prompt: Tensor | None, rows: list[Row]) -> tuple[Tensor, int]:
    """Sum of the cross-entropy over all target tokens, in float32, and their number N.

    `prompt`: [T, H], or None for an empty prefix. Rows are padded on the right, where causal attention
    never looks; the loss is taken, and the head computed, at target positions only.
    """
    length = max(map(len, rows)) - 1  # the last target token is only ever a label
    ids = torch.zeros(len(rows), length, dtype=torch.long)  # [B, L]
    keep = torch.zeros(len(rows), length, dtype=torch.bool)  # [B, L], N of them: the positions before target tokens
    labels = []
    for i, row in enumerate(rows):
        ids[i, : len(row) - 1] = torch.tensor((row.context + row.target)[:-1])
        keep[i, len(row.context) - 1 : len(row) - 1] = True
        labels += row.target
    cache = prefix_cache(base, prompt, len(rows))
    mask = torch.ones(len(rows), cache.get_seq_length() + length, dtype=torch.long, device=base.device)
    logits = forward(base, ids.to(base.device), mask, cache, logits_to_keep=keep.to(base.device))  # [N, V]
    return cross_entropy(logits.float(), torch.tensor(labels, device=base.device), reduction="sum"), len(labels)
