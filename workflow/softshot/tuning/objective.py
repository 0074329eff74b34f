"""What training brings down: a sum of parts, each a mean over what it counts.

*likelihood*: the negative log-likelihood of each target token. The others compare a record's choices (Liu et al. 2022,
"Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning", equations 2 and 3):
*unlikelihood*: -log(1 - p + 0.01) of each token of the wrong choices, p its probability (0.01 is the authors' code's);
*length-normalised*: of each record, the cross-entropy of the right choice in the softmax of the choices'
log-likelihoods per token. T-Few is the sum of all three.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from softshot.engine.base import Base
from softshot.engine.choices import choice_losses
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.passes import Passes
from softshot.engine.prefix import Prefix
from softshot.engine.tree import tree
from softshot.settings import LossPart

MARGIN = 0.01  # keeps the logarithm finite where a wrong token is certain


class Objective:
    """The sum of some parts. Rows have choices where any part compares them."""

    def __init__(self, parts: Sequence[LossPart]):
        self.parts = parts
        self.compares = set(parts) != {"likelihood"}  # choices, which then run in the same pass as the target

    def counts(self, rows: Sequence[Row]) -> list[int]:
        """Of each part, over how much it is a mean: tokens of targets, tokens of wrong choices, records."""
        targets = sum(len(row.target) for row in rows)
        wrong = sum(len(choice) for row in rows for choice in row.choices) - targets
        counts = {"likelihood": targets, "unlikelihood": wrong, "length-normalised": len(rows)}
        return [counts[part] for part in self.parts]

    def sums(self, base: Base, prefix: Prefix | None, rows: list[Row], visible: Tensor | None) -> Tensor:
        """Of each part its sum over the rows, [parts], differentiable; `visible` as in `target_losses`."""
        if not self.compares:
            return target_losses(base, prefix, rows, visible).sum()[None]
        losses = choice_losses(base, prefix, rows, visible)
        return torch.stack([compared(part, losses, rows) for part in self.parts])

    def positions(self, row: Row) -> int:
        """Positions of a row in a pass: what memory goes by."""
        return len(row.context) + len(tree(row.choices).tokens) if self.compares else len(row)

    def count(self, passes: Passes, prefix: Prefix | None, rows: Sequence[Row]) -> None:
        """Take into `passes` what a pass over the rows reads."""
        if self.compares:
            passes.add_branches(prefix, rows)
        else:
            passes.add_batch(prefix, rows)


def compared(part: LossPart, losses: Tensor, rows: Sequence[Row]) -> Tensor:
    """A part's sum over rows, of the `losses` [N] of their choices' tokens, row by row and choice by choice."""
    choices = [choice for row in rows for choice in row.choices]
    lengths = torch.tensor(list(map(len, choices)), device=losses.device)  # [C]
    counts = [len(row.choices) for row in rows]
    right = torch.tensor([row.choices.index(tuple(row.target)) for row in rows], device=losses.device)  # [B]
    starts = torch.tensor([0, *counts[:-1]], device=losses.device).cumsum(0)
    is_right = torch.zeros(len(choices), dtype=torch.bool, device=losses.device).index_fill(0, starts + right, True)
    of_right = is_right.repeat_interleave(lengths)  # [N]
    if part == "likelihood":
        return losses[of_right].sum()
    if part == "unlikelihood":
        return -torch.log(1 - torch.exp(-losses[~of_right]) + MARGIN).sum()
    sums = losses.new_zeros(len(choices)).index_add(
        0, torch.arange(len(choices), device=losses.device).repeat_interleave(lengths), losses
    )
    scores = pad_sequence((-sums / lengths).split(counts), batch_first=True, padding_value=float("-inf"))
    return cross_entropy(scores, right, reduction="sum")
