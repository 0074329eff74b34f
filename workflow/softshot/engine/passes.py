"""How much forward passes read: counts that are the same wherever and whenever a run is repeated.

They do not depend on how a batch is split for memory, nor on padding, of which there is none. What they take in
operations follows from the model's size (softshot/plan/work.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from softshot.engine.layout import Row
from softshot.engine.prefix import Prefix
from softshot.engine.tree import tree


@dataclass
class Passes:
    """Sums over passes."""

    tokens: int = 0  # of rows: contexts and targets
    target_tokens: int = 0
    read: int = 0  # tokens that ran through the model; a row's last one does not, nor do keys and values
    attended: int = 0  # pairs of a token that was read and a position that it could see
    predicted: int = 0  # positions at which the head was asked

    def add_batch(self, prefix: Prefix | None, rows: Sequence[Row]) -> None:
        """Rows whose targets' losses were taken behind one prefix, which runs once, if at all."""
        before = 0 if prefix is None else len(prefix)
        if prefix is not None and prefix.embeddings is not None:
            self._read(before, 0)
        for row in rows:
            self.tokens += len(row)
            self.target_tokens += len(row.target)
            self.predicted += len(row.target)
            self._read(len(row) - 1, before)

    def add_branches(self, prefix: Prefix | None, rows: Sequence[Row]) -> None:
        """Rows whose choices branched from their contexts behind one prefix, which runs once, if at all."""
        if prefix is not None and prefix.embeddings is not None:
            self._read(len(prefix), 0)
        for row in rows:
            self.add_choices(prefix, row)

    def add_choices(self, prefix: Prefix | None, row: Row) -> None:
        """One row whose choices branched from its context; the prefix runs once for all rows."""
        before, branches = 0 if prefix is None else len(prefix), tree(row.choices)
        self._read(len(row.context), before)
        self.read += len(branches.tokens)
        self.attended += sum(before + len(row.context) + depth for depth in branches.depths)
        self.tokens += len(row.context) + sum(map(len, row.choices))
        self.target_tokens += sum(map(len, row.choices))
        self.predicted += 1 + len(branches.tokens)

    def add_prediction(self, prefix: Prefix | None, row: Row, written: int, beams: int) -> None:
        """One row that was continued by `written` tokens, by itself; the prefix runs once for all rows."""
        before = 0 if prefix is None else len(prefix)
        self._read(len(row), before)
        for _ in range(beams):
            self._read(max(0, written - 1), before + len(row))
        self.tokens += len(row) + written
        self.target_tokens += written
        self.predicted += 1 + beams * max(0, written - 1)

    def _read(self, tokens: int, before: int) -> None:
        """A text of `tokens`, each of which sees `before` positions, those of the text before it, and itself."""
        self.read += tokens
        self.attended += tokens * before + tokens * (tokens + 1) // 2
