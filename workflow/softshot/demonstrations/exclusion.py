"""What may not be a record's demonstration: itself, its exact duplicates and, for a training record, its group.

A group's records give each other's outputs away, as paraphrased questions on one database do. A training row that
shows one teaches to copy it, which no scored row rewards where its group is not among the training records. So
training rows go without their group. Other rows are shown what there is, which is what they are scored with.
"""

from collections import defaultdict

from softshot.data.text import fold


class Exclusion:
    """Looks up the training records that give a record's answer away.

    A training record is left out by id and by text, never by its position: it has the record's id, or its input
    is the same after white space and case are folded; and by group where the record is a training record itself, by
    its id, and both have one (`group`).
    """

    def __init__(self, train: list[dict]):
        self._by_id = defaultdict(set)
        self._by_text = defaultdict(set)
        self._by_group = defaultdict(set)
        for position, record in enumerate(train):
            self._by_id[record["id"]].add(position)
            self._by_text[fold(record["input"])].add(position)
            if "group" in record:
                self._by_group[record["group"]].add(position)

    def of(self, record: dict) -> set[int]:
        """Positions in `train` that are left out for this record."""
        itself = self._by_id.get(record["id"], set())
        group = self._by_group.get(record.get("group"), set()) if itself else set()
        return itself | self._by_text.get(fold(record["input"]), set()) | group
