"""Records that two splits share, found by their inputs: counted, and left out of the training records.

A prompt that was tuned on a scored record has seen its answer, while no retriever may show it: the arms would not be
compared on equal terms. So such training records are left out before any arm sees them (`data.leaks: drop`).
"""

from itertools import combinations
from typing import Any

from softshot.data.splits import Marks

ORDER = ("train", "validation", "held_out", "test")  # of two splits the later one's records are counted


def shared(splits: dict[str, Marks]) -> list[dict[str, Any]]:
    """Per pair of splits how many `records` of `split` have an input that is there in the split `of` too.

    `same_target` of them also have the target of such a record. Pairs that share nothing are not listed.
    """
    rows = []
    for first, second in combinations(sorted(splits, key=ORDER.index), 2):
        inputs, pairs = set(splits[first].inputs), set(splits[first].pairs)
        records = sum(text in inputs for text in splits[second].inputs)
        if records:
            same = sum(pair in pairs for pair in splits[second].pairs)
            rows.append({"split": second, "of": first, "records": records, "same_target": same})
    return rows


def clean(train: Marks, positions: list[int], others: list[Marks]) -> list[int]:
    """The positions of training records whose input none of the other splits has."""
    elsewhere = {text for other in others for text in other.inputs}
    return [position for position in positions if train.inputs[position] not in elsewhere]
