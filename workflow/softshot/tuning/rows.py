"""Training and validation rows, laid out when they are asked for: a run sees a part of a large training set only."""

import random
from collections.abc import Sequence, Set
from pathlib import Path

from softshot.demonstrations.shown import Shown
from softshot.engine.layout import Layout, Row
from softshot.files import read_jsonl


class TrainingRows(Sequence[Row]):
    """A row per training record and reference: every reference is a pair to learn from."""

    def __init__(self, layout: Layout, records: list[dict], shown: Shown, chosen: Set[str] | None = None):
        """`shown`: the demonstrations of the records; `chosen`: ids of those that are used, None for all."""
        self.layout, self.shown = layout, shown
        used = (record for record in records if chosen is None or record["id"] in chosen)
        self.pairs = [(record, text) for record in used for text in record["references"]]
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Row:
        if place not in self._rows:
            record, text = self.pairs[place]
            self._rows[place] = self.layout.tuning_row(record, self.shown.records(record["id"]), text)
        return self._rows[place]


def validation_rows(layout: Layout, path: Path, limit: int | None, shown: Shown) -> list[Row]:
    """Rows of the validation records, or of a sample of `limit`, the same for every run: official files are sorted."""
    records = read_jsonl(path)
    if limit is not None and limit < len(records):
        records = random.Random(0).sample(records, limit)
    return [layout.tuning_row(record, shown.records(record["id"]), record["target"]) for record in records]
