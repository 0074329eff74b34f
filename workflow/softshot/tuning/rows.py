"""Training and validation rows, laid out when they are asked for: a run sees a part of a large training set only."""

import random
from collections.abc import Sequence
from pathlib import Path

from softshot.demonstrations.shown import Shown
from softshot.engine.layout import Layout, Row
from softshot.files import read_jsonl


class TrainingRows(Sequence[Row]):
    """A row per training record and reference: every reference is a pair to learn from."""

    def __init__(self, layout: Layout, records: list[dict], shown: Shown):
        """`shown`: the demonstrations of the records."""
        self.layout, self.shown = layout, shown
        self.pairs = [(record, text) for record in records for text in record["references"]]
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Row:
        if place not in self._rows:
            record, text = self.pairs[place]
            self._rows[place] = self.layout.tuning_row(record, self.shown.records(record["id"]), text)
        return self._rows[place]


class Examples(Sequence[list[int]]):
    """The training records as token ids, as they stand in a context."""

    def __init__(self, layout: Layout, records: list[dict]):
        self.layout, self.records = layout, records

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> list[int]:
        return self.layout.example(self.records[place])


def validation_rows(layout: Layout, path: Path, limit: int | None, shown: Shown) -> list[Row]:
    """Rows of the validation records, or of a sample of `limit`, the same for every run: official files are sorted."""
    records = read_jsonl(path)
    if limit is not None and limit < len(records):
        records = random.Random(0).sample(records, limit)
    return [layout.tuning_row(record, shown.records(record["id"]), record["target"]) for record in records]
