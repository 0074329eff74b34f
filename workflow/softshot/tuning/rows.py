"""Training and validation rows, laid out when they are asked for: a run sees a part of a large training set only."""

import random
from collections.abc import Sequence, Set
from pathlib import Path

from softshot.demonstrations.shown import Shown
from softshot.engine.layout import Layout, Row
from softshot.errors import UserError
from softshot.files import read_jsonl


class TrainingRows(Sequence[Row | None]):
    """A row per training record and reference: every reference is a pair to learn from. None where it is too long."""

    def __init__(
        self,
        layout: Layout,
        records: list[dict],
        shown: Shown,
        max_new_tokens: int | None,
        chosen: Set[str] | None = None,
    ):
        """`shown`: the demonstrations of the records. `max_new_tokens`: the room that predictions have, None of
        records that have choices. `chosen`: ids of the records that are used, None for all.
        """
        self.layout, self.shown, self.max_new_tokens = layout, shown, max_new_tokens
        used = (record for record in records if chosen is None or record["id"] in chosen)
        self.pairs = [(record, text) for record in used for text in record["references"]]
        self._rows: dict[int, Row | None] = {}

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> Row | None:
        if place not in self._rows:
            record, text = self.pairs[place]
            demonstrations = self.shown.records(record["id"])
            self._rows[place] = self.layout.tuning_row(record, demonstrations, text, self.max_new_tokens)
        return self._rows[place]


def validation_rows(
    layout: Layout, path: Path, limit: int | None, shown: Shown, max_new_tokens: int | None
) -> list[Row]:
    """Rows of the validation records, or of a sample of `limit`, the same for every run: official files are sorted.

    What is too long is left out. Raises UserError where nothing is left.
    """
    records = read_jsonl(path)
    if limit is not None and limit < len(records):
        records = random.Random(0).sample(records, limit)
    laid_out = [
        layout.tuning_row(record, shown.records(record["id"]), record["target"], max_new_tokens) for record in records
    ]
    rows = [row for row in laid_out if row is not None]
    if not rows:
        raise UserError(f"{path}: no record's output fits into engine.context ({layout.context}): raise it.")
    return rows
