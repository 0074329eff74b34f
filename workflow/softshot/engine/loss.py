"""The loss and the logits of target tokens, in rows behind a prefix.

Two ways to the same numbers. *Packed*: prefix and rows as one sequence, the head at target positions only, where the
probe has found that exact. *Plain*: rows padded on the right continue from the prefix's cache, by the model's own code
from end to end. Knows nothing of what is trained: gradients reach whatever asks for them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from softshot.engine.base import Base
from softshot.engine.last_layer import feed_forward_at
from softshot.engine.layout import Row
from softshot.engine.packed import hidden_states, pack
from softshot.engine.prefix import Prefix, forward, prefix_cache
from softshot.engine.products import REMEDY
from softshot.errors import UserError

# Entries of the vocabulary whose logits are made at a time: few enough for a processor's cache, enough for a GPU.
ENTRIES = {"cpu": 2048, "cuda": 1 << 15}


class TargetLoss(torch.autograd.Function):
    """Cross-entropy of a frozen head, at least in float32, in one pass over the vocabulary, part by part.

    The softmax's largest logit and total are kept as they grow (arXiv 1805.02867), and with them the gradient of
    `hidden`, so that the logits are never whole: they would be [N, V] several times over, and BLOOM's V is 250,880.
    """

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """`hidden`: [N, H]; `weight`: [V, H]; `labels`: [N]. Returns [N]."""
        if any(ctx.needs_input_grad[1:]):  # it would silently stay as it is
            raise ValueError(f"the fused head gives no gradient to its weights, and they require it. {REMEDY}")
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
        return (total.log() + largest - score).squeeze(1)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of `hidden`."""
        (slope,) = ctx.saved_tensors
        return slope * gradient[:, None].to(slope.dtype), None, None


def target_losses(base: Base, prefix: Prefix | None, rows: list[Row], visible: Tensor | None = None) -> Tensor:
    """The negative log-likelihood of every target token, [N], in the rows' order, at least in float32.

    `visible` [B, T], true or false, says which of the prefix's positions each row may look at (context tuning,
    arXiv 2507.04221: leave-one-out and token dropout); None is all of them. Positions do not depend on it.
    """
    labels = torch.tensor([i for row in rows for i in row.target], device=base.device)
    if base.findings.unpacked is not None:
        logits = target_logits(base, prefix, rows, visible)
        return cross_entropy(widened(logits), labels, reduction="none")
    check_rows(rows)
    packing = pack(base, prefix, texts(rows), visible)
    base.findings.check_positions(packing.bias.shape[-1])
    places, end = [], packing.before
    for row in rows:
        end += len(row) - 1
        places += range(end - len(row.target), end)
    before_targets = torch.tensor(places, device=base.device)  # [N]
    with feed_forward_at(base.model.base_model, base.findings.feed_forward, before_targets):
        hidden = hidden_states(base, packing).index_select(0, before_targets)  # [N, H]
    head = base.model.get_output_embeddings()
    # A wrapped head, as PEFT's, is no Linear.
    if type(head) is nn.Linear and head.bias is None and not head.weight.requires_grad:
        return TargetLoss.apply(hidden, head.weight, labels)
    return cross_entropy(widened(head(hidden)), labels, reduction="none")


def target_logits(base: Base, prefix: Prefix | None, rows: list[Row], visible: Tensor | None = None) -> Tensor:
    """Logits of each target token, [N, V], of any model: right-padded rows continue from the prefix's cache.

    `visible` as in `target_losses`. Raises UserError where a model counts its positions from what is visible.
    """
    check_rows(rows)
    length = max(map(len, rows)) - 1  # the last target token is only ever a label
    ids = torch.zeros(len(rows), length, dtype=torch.long)  # [B, L]
    keep = torch.zeros(len(rows), length, dtype=torch.bool)  # [B, L], N of them: the positions before target tokens
    for i, (row, text) in enumerate(zip(rows, texts(rows), strict=True)):
        ids[i, : len(text)] = torch.tensor(text)
        keep[i, len(row.context) - 1 : len(text)] = True
    cache = prefix_cache(base, prefix, len(rows))
    tokens = 0 if prefix is None else len(prefix)
    mask = torch.ones(len(rows), tokens + length, dtype=torch.long, device=base.device)
    if visible is not None:
        if base.counts_visible:
            raise UserError("this model counts positions by what a row may look at, so nothing can be hidden from one.")
        mask[:, :tokens] = visible
    positions = torch.arange(tokens, tokens + length, device=base.device).expand(len(rows), -1)
    return forward(base, ids.to(base.device), mask, cache, positions, logits_to_keep=keep.to(base.device))


def texts(rows: list[Row]) -> list[list[int]]:
    """What the model reads of each row: all but the last target token, which is only ever a label."""
    return [(row.context + row.target)[:-1] for row in rows]


def check_rows(rows: list[Row]) -> None:
    """Raise UserError for a row without a context: its first target token would have nothing before it."""
    for row in rows:
        if not row.context:
            raise UserError(
                f"record {row.id}: its input is no token at all, so nothing stands before its output. Leave it out, or"
                " put words around inputs in the task's template."
            )


def widened(logits: Tensor) -> Tensor:
    """The logits at least in float32."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
