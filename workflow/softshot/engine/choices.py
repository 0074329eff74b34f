"""The log-likelihood of every choice of a record, behind a prefix and its context.

The context runs once, and the choices branch from it in the same pass: they are a tree, whose tokens see the prefix,
the context and those that lead to them. As with `loss.py` there are two ways to the same numbers: rows are packed
where the probe has found that exact; else the choices continue from the context's cache, by the model's own code from
end to end. Differentiable, for losses over choices (tuning/objective.py).
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad

from softshot.engine.base import Base
from softshot.engine.last_layer import feed_forward_at
from softshot.engine.layout import Row
from softshot.engine.loss import check_rows, widened
from softshot.engine.packed import Packing, hidden_states, pack
from softshot.engine.prefix import Prefix, forward, prefix_cache
from softshot.engine.tree import Tree, tree
from softshot.errors import UserError

NODES = 128  # positions whose logits are made at a time: [NODES, V] in float32


def choice_losses(base: Base, prefix: Prefix | None, rows: list[Row], visible: Tensor | None = None) -> Tensor:
    """The negative log-likelihood of every token of every choice, [N], row by row and choice by choice, in float32.

    `visible` as in `target_losses`.
    """
    check_rows(rows)
    trees = [tree(row.choices) for row in rows]
    if base.findings.unpacked is not None:
        parts = [_unpacked(base, prefix, row, None if visible is None else visible[i]) for i, row in enumerate(rows)]
        return torch.cat(parts)
    packing = branched(base, prefix, rows, trees, visible)
    places, nodes, labels, paths, end = [], [], [], [], packing.before
    for row, of_row in zip(rows, trees, strict=True):
        paths += [len(labels) + edge for edge in of_row.paths]
        nodes += [len(places) + node for node in of_row.nodes]
        labels += of_row.labels
        start, end = end + len(row.context) - 1, end + len(row.context) + len(of_row.tokens)
        places += range(start, end)
    before_labels = torch.tensor(places, device=base.device)  # [M]
    with feed_forward_at(base.model.base_model, base.findings.feed_forward, before_labels):
        hidden = hidden_states(base, packing).index_select(0, before_labels)  # [M, H]
    losses = edge_losses(base, hidden, torch.tensor(nodes), torch.tensor(labels, device=base.device))
    return losses.index_select(0, torch.tensor(paths, device=base.device))


def branched(
    base: Base, prefix: Prefix | None, rows: list[Row], trees: list[Tree], visible: Tensor | None = None
) -> Packing:
    """Contexts and their trees packed as rows, with the positions and the attention of branches."""
    packing = pack(base, prefix, [[*row.context, *of_row.tokens] for row, of_row in zip(rows, trees, strict=True)])
    tokens, longest = (0 if prefix is None else len(prefix)), max(packing.lengths)
    base.findings.check_positions(tokens + max(positions_of(row) for row in rows))
    positions = torch.arange(tokens, tokens + longest).repeat(len(rows), 1)  # [B, L], of what a row may look at
    sees = torch.ones(longest, longest, dtype=torch.bool).tril().repeat(len(rows), 1, 1)  # [B, L, L]
    for i, (row, of_row) in enumerate(zip(rows, trees, strict=True)):
        start, end = len(row.context), len(row.context) + len(of_row.tokens)
        positions[i, start:end] = tokens + start - 1 + torch.tensor(of_row.depths, dtype=torch.long)
        sees[i, start:end, start:end] = of_row.ancestors
    sees = pad(sees, (tokens, 0), value=True)  # [B, L, T + L]
    if visible is not None:
        sees[:, :, :tokens] = visible.cpu()[:, None]
    keys = torch.cat([torch.arange(tokens).expand(len(rows), -1), positions], dim=1)
    distance = (keys[:, None] - positions[..., None])[:, None].to(base.device)  # [B, 1, L, T + L]
    slopes = base.alibi_slopes
    bias = torch.zeros(distance.shape, device=base.device) if slopes is None else slopes[:, None, None] * distance
    bias = bias.masked_fill(~sees[:, None].to(base.device), float("-inf")).to(base.model.dtype)
    of_texts = torch.cat([positions[i, :length] for i, length in enumerate(packing.lengths)]).to(base.device)
    of_all = torch.cat([packing.positions[0, : packing.before], of_texts])[None]
    return replace(packing, positions=of_all, bias=bias)


def edge_losses(base: Base, hidden: Tensor, nodes: Tensor, labels: Tensor) -> Tensor:
    """The negative log-likelihood [E] of `labels` [E] after the nodes of `hidden` [M, H] that they follow, `nodes` [E].

    The softmax of a node is made once for all that follows it.
    """
    head, parts, order = base.model.get_output_embeddings(), [], []
    for start in range(0, len(hidden), NODES):
        inside = ((nodes >= start) & (nodes < start + NODES)).nonzero()[:, 0]
        logits = widened(head(hidden[start : start + NODES]))  # [NODES, V]
        own, following = (nodes[inside] - start).to(base.device), labels[inside.to(base.device)]
        parts.append(logits.logsumexp(-1)[own] - logits[own, following])
        order.append(inside)
    return torch.cat(parts).index_select(0, torch.cat(order).argsort().to(base.device))


def _unpacked(base: Base, prefix: Prefix | None, row: Row, visible: Tensor | None) -> Tensor:
    """The same of one row of a model whose rows cannot be packed: its choices, side by side, after its context."""
    if visible is not None and base.counts_visible:
        raise UserError("this model counts positions by what a row may look at, so nothing can be hidden from one.")
    tokens, count, longest = (0 if prefix is None else len(prefix)), len(row.choices), max(map(len, row.choices)) - 1
    base.findings.check_positions(tokens + positions_of(row))
    cache, end = prefix_cache(base, prefix, 1), tokens + len(row.context)
    mask = torch.ones(1, end, dtype=torch.long, device=base.device)
    if visible is not None:
        mask[0, :tokens] = visible
    positions = torch.arange(tokens, end + longest, device=base.device)[None]
    context = torch.tensor([row.context], device=base.device)
    logits = forward(base, context, mask, cache, positions[:, : len(row.context)], logits_to_keep=1)  # [1, 1, V]
    logits = logits.expand(count, -1, -1)
    if longest:
        for layer in cache.layers:  # views, not copies
            layer.keys, layer.values = (x.expand(count, -1, -1, -1) for x in (layer.keys, layer.values))
        read = [[*choice[:-1], *[0] * (longest + 1 - len(choice))] for choice in row.choices]
        mask = pad(mask, (0, longest), value=1).expand(count, -1)
        ids, positions = torch.tensor(read, device=base.device), positions[:, len(row.context) :].expand(count, -1)
        logits = torch.cat([logits, forward(base, ids, mask, cache, positions, logits_to_keep=0)], dim=1)
    kept = torch.cat([of_choice[: len(choice)] for of_choice, choice in zip(logits, row.choices, strict=True)])
    labels = torch.tensor([token for choice in row.choices for token in choice], device=base.device)
    return cross_entropy(widened(kept), labels, reduction="none")


def positions_of(row: Row) -> int:
    """Positions between the beginning of a row and the end of its longest choice."""
    return len(row.context) + max(map(len, row.choices))
