"""The shared prefix: the soft prompt runs once, and every row continues from its keys and values.

Attention is causal and the prompt comes first, so its activations are the same for all rows of a
batch. Running it once is exact, for the loss and for its gradient, and saves T positions per row.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear
from transformers import Cache, DynamicCache

from softshot.engine.base import Base
from softshot.engine.last_layer import feed_forward_at
from softshot.engine.layout import Row
from softshot.engine.packed import attention_of, pack

# Architectures of which a packed sequence is tested. Others may have attention windows, caps or scaled logits.
PACKED = {"gpt2", "opt", "bloom", "llama"}
# Entries of the vocabulary whose logits are made at a time: few enough for a processor's cache, enough for a GPU.
ENTRIES = {"cpu": 2048, "cuda": 1 << 15}


def prefix_cache(base: Base, prompt: Tensor | None, rows: int) -> DynamicCache:
    """The prompt's keys and values, repeated for `rows` rows; gradients flow back through them.

    `prompt`: [T, H], or None for an empty prefix.
    """
    cache = DynamicCache(config=base.model.config)
    if prompt is not None:
        embeddings = prompt.to(base.model.dtype).unsqueeze(0)  # [1, T, H]
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


def target_hidden(base: Base, prompt: Tensor | None, rows: list[Row]) -> Tensor:
    """The last hidden states before each target token, [N, H], in the rows' order.

    `prompt`: [T, H], or None for an empty prefix.
    """
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


class TargetLoss(torch.autograd.Function):
    """Sum of the cross-entropy of a frozen head, at least in float32, in one pass over the vocabulary, part by part.

    The softmax's largest logit and total are kept as they grow (arXiv 1805.02867), and with them the gradient of
    `hidden`, so that the logits are never whole: they would be [N, V] several times over, and BLOOM's V is 250,880.
    """

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """`hidden`: [N, H]; `weight`: [V, H]; `labels`: [N]."""
        wide = torch.promote_types(hidden.dtype, torch.float32)
        zeros = hidden.new_zeros(len(hidden), 1, dtype=wide)
        largest, total, score = zeros - torch.inf, zeros, zeros  # [N, 1] each; score is the label's logit
        mean = torch.zeros_like(hidden, dtype=wide)  # of the entries' weights, each by its share of `total`
        start = 0
        for entries in weight.split(ENTRIES[weight.device.type]):
            logits = linear(hidden, entries).to(wide)
            place = labels[:, None] - start
            start += len(entries)
            inside = (place >= 0) & (place < len(entries))
            score = torch.where(inside, logits.gather(1, place.clamp(0, len(entries) - 1)), score)
            before, largest = largest, torch.maximum(largest, logits.amax(1, keepdim=True))
            odds, shrink = logits.sub_(largest).exp_(), (before - largest).exp_()
            total = total * shrink + odds.sum(1, keepdim=True)
            if ctx.needs_input_grad[0]:
                mean.mul_(shrink).add_(odds.to(weight.dtype) @ entries)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(mean.div_(total).sub_(weight[labels]).to(hidden.dtype))
        return (total.log() + largest - score).sum()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `hidden`."""
        (slope,) = ctx.saved_tensors
        return slope * gradient.to(slope.dtype), None, None


def target_loss(base: Base, prompt: Tensor | None, rows: list[Row]) -> tuple[Tensor, int]:
    """Sum of the cross-entropy over all target tokens, in float32, and their number N.

    `prompt`: [T, H], or None for an empty prefix. The head is computed at target positions only.
    """
    labels = torch.tensor([i for row in rows for i in row.target], device=base.device)
    if base.model.config.model_type in PACKED:
        hidden = target_hidden(base, prompt, rows)
        return TargetLoss.apply(hidden, base.model.get_output_embeddings().weight, labels), len(labels)
    return cross_entropy(target_logits(base, prompt, rows).float(), labels, reduction="sum"), len(labels)


def target_logits(base: Base, prompt: Tensor | None, rows: list[Row]) -> Tensor:
    """Logits of each target token, [N, V], of any model: right-padded rows continue from the prompt's cache."""
    length = max(map(len, rows)) - 1  # the last target token is only ever a label
    ids = torch.zeros(len(rows), length, dtype=torch.long)  # [B, L]
    keep = torch.zeros(len(rows), length, dtype=torch.bool)  # [B, L], N of them: the positions before target tokens
    for i, row in enumerate(rows):
        ids[i, : len(row) - 1] = torch.tensor((row.context + row.target)[:-1])
        keep[i, len(row.context) - 1 : len(row) - 1] = True
    cache = prefix_cache(base, prompt, len(rows))
    mask = torch.ones(len(rows), cache.get_seq_length() + length, dtype=torch.long, device=base.device)
    return forward(base, ids.to(base.device), mask, cache, logits_to_keep=keep.to(base.device))
