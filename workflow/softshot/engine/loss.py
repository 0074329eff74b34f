"""The loss per target token."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix, forward, prefix_cache, target_hidden

# Architectures of which a packed sequence is tested. Others may have attention windows, caps or scaled logits.
PACKED = {"gpt2", "opt", "bloom", "llama"}
# Entries of the vocabulary whose logits are made at a time: few enough for a processor's cache, enough for a GPU.
ENTRIES = {"cpu": 2048, "cuda": 1 << 15}


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
        return (total.log() + largest - score)[:, 0]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `hidden`."""
        (slope,) = ctx.saved_tensors
        return slope * gradient[:, None].to(slope.dtype), None, None


def target_losses(base: Base, prefix: Prefix | None, rows: list[Row], visible: Tensor | None = None) -> Tensor:
    """The negative log-likelihood of every target token, [N], in float32."""
    labels = torch.tensor([i for row in rows for i in row.target], device=base.device)
    if base.model.config.model_type in PACKED:
        hidden = target_hidden(base, prefix, rows)
        return TargetLoss.apply(hidden, base.model.get_output_embeddings().weight, labels)
    return cross_entropy(target_logits(base, prefix, rows).float(), labels, reduction="none")


def target_logits(base: Base, prefix: Prefix | None, rows: list[Row]) -> Tensor:
    """Logits of each target token, [N, V], of any model: right-padded rows continue from the prompt's cache."""
    length = max(map(len, rows)) - 1  # the last target token is only ever a label
    ids = torch.zeros(len(rows), length, dtype=torch.long)  # [B, L]
    keep = torch.zeros(len(rows), length, dtype=torch.bool)  # [B, L], N of them: the positions before target tokens
    for i, row in enumerate(rows):
        ids[i, : len(row) - 1] = torch.tensor((row.context + row.target)[:-1])
        keep[i, len(row.context) - 1 : len(row) - 1] = True
    cache = prefix_cache(base, prefix, len(rows))
    mask = torch.ones(len(rows), cache.get_seq_length() + length, dtype=torch.long, device=base.device)
    return forward(base, ids.to(base.device), mask, cache, logits_to_keep=keep.to(base.device))
