"""What the retrievers share: how they are asked, how close scores are told apart, how the best are chosen."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from softshot.demonstrations.table import Row
from softshot.settings import Exclude, Neighbours, Positive, RetrieverSettings

DECIMALS = 6  # of a score; what differs by less is a tie, which the id settles


class SearchSettings(RetrieverSettings):
    """A retriever, and what `demonstrations` says for all of them."""

    neighbours: Neighbours = 8
    exclude: Exclude = "duplicates"
    approximate_from: Positive | None = None


class Retriever(Protocol):
    """A way to find demonstrations among the training records it was made with."""

    metadata: dict[str, str]  # what a reader of its table must know beyond the settings

    def search(self, records: list[dict]) -> Iterator[Row]:
        """The neighbours of every record, in the order of the records.

        Never the record itself or a duplicate of its input, nor one of a training record's group. A row has fewer
        neighbours than were asked for only where there are no more candidates.
        """


def by_id(train: list[dict]) -> list[dict]:
    """The training records in the order of their ids, so that of two positions the lower one wins a tie."""
    return sorted(train, key=lambda record: record["id"])


def best(scores: np.ndarray, excluded: set[int], neighbours: int) -> np.ndarray:
    """Positions of the highest scores, highest first, of equal ones the lowest position first.

    `scores` [train] is changed: the excluded ones are put out of reach.
    """
    wanted = min(neighbours, len(scores) - len(excluded))
    if wanted == 0:
        return np.empty(0, np.int64)
    scores[list(excluded)] = -np.inf
    last = np.partition(scores, -wanted)[-wanted]
    above, equal = np.flatnonzero(scores > last), np.flatnonzero(scores == last)
    chosen = np.concatenate([above, equal[: wanted - len(above)]])
    return chosen[np.lexsort((chosen, -scores[chosen]))]
