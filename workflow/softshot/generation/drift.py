"""What a model has forgotten: its loss on a neutral text, adapted and bare.

Every token of a paragraph but the first is predicted from those before it, behind what an adapter puts before a row
and the tokenizer's own first token. Nothing is padded. The bare model is the base as it is without an adapter, not with
an untrained one: a random prompt alone raises the loss by nats, which would count as something learned.
"""

import math
import time
from dataclasses import replace
from pathlib import Path

import torch

from softshot.catalogue import RESOURCES
from softshot.engine.base import Base
from softshot.engine.layout import Row
from softshot.engine.loss import target_losses
from softshot.engine.prefix import Prefix

TEXT = RESOURCES / "neutral.txt"  # a paragraph a line; resources/neutral.md says where they are from
BATCH = 4  # paragraphs a pass: they are short, and the pass must fit wherever predictions do


def neutral_rows(base: Base, tokens: int, context: int, text: Path = TEXT) -> list[Row]:
    """The first paragraphs as rows, until `tokens` are predicted; a row has at most `context` positions."""
    rows, given = [], len(base.tokenization.start) + 1
    for number, paragraph in enumerate(text.read_text(encoding="utf-8").splitlines(), start=1):
        if tokens < 1:
            break
        ids = base.tokenization.start + base.tokenization.encode(paragraph, first=True)
        target = ids[given : min(context, given + tokens)]
        rows.append(Row(f"paragraph {number}", ids[:given], target))
        tokens -= len(target)
    return rows


@torch.no_grad()
def losses(base: Base, prefix: Prefix | None, rows: list[Row]) -> list[float]:
    """The sum of each row's losses, in nats."""
    sums = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        found = target_losses(base, prefix, batch).double().split([len(row.target) for row in batch])
        sums += [float(part.sum()) for part in found]
    return sums


class Drift:
    """Made with the bare model, and asked when the adapter is in it."""

    def __init__(self, base: Base, tokens: int, context: int):
        began = time.monotonic()
        self.base, self.rows = base, neutral_rows(base, tokens, context)
        self.before = losses(base, None, self.rows)
        self.seconds = time.monotonic() - began

    def facts(self, prefix: Prefix | None, begun: bool = False) -> dict[str, float | int] | None:
        """For `run.json`: losses per token in nats and their difference's standard error; None without any token.

        `begun`: the prefix begins as a text does, and rows go on from it without a beginning of their own.
        Paragraphs are what varies: a paragraph's tokens are not independent of one another.
        """
        if not self.rows:
            return None
        began = time.monotonic()
        start = len(self.base.tokenization.start) if begun else 0
        rows = [replace(row, context=row.context[start:]) for row in self.rows]
        after, tokens = losses(self.base, prefix, rows), sum(len(row.target) for row in rows)
        mean = (sum(after) - sum(self.before)) / tokens
        residuals = (a - b - mean * len(row.target) for a, b, row in zip(after, self.before, self.rows, strict=True))
        spread = len(self.rows) / (len(self.rows) - 1) * sum(x * x for x in residuals) if len(self.rows) > 1 else None
        return {
            "before": sum(self.before) / tokens,
            "after": sum(after) / tokens,
            "standard_error": None if spread is None else math.sqrt(spread) / tokens,
            "tokens": tokens,
            "seconds": self.seconds + time.monotonic() - began,
        }
