"""What may not be a record's demonstration: the record itself and its exact duplicates."""

from collections import defaultdict

from softshot.data.text import fold


class Exclusion:
    """Looks up the training records that give a record's answer away.

    A training record is left out by id and by text, never by its position: it has the record's id, or its input
    is the same after white space and case are folded. Which split the record comes from makes no difference.
    """

    def __init__(self, train: list[dict]):
        self._by_id = defaultdict(list)
        self._by_text = defaultdict(list)
        for position, record in enumerate(train):
            self._by_id[record["id"]].append(position)
            self._by_text[fold(record["input"])].append(position)

    def of(self, record: dict) -> set[int]:
        """Positions in `train` that are left out for this record."""
        return {*self._by_id.get(record["id"], ()), *self._by_text.get(fold(record["input"]), ())}
