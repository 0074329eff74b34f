"""Nearest by the vectors of an encoder."""

from collections.abc import Iterator

import faiss
import numpy as np

from softshot.demonstrations import approximate
from softshot.demonstrations.embeddings import Vectors
from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.nearest import Nearest
from softshot.demonstrations.table import Row

BLOCK = 2048  # records searched together


class Dense:
    """Training records with the highest inner product of normalised vectors (cosine similarity).

    `train_vectors` [train, dimension] and `record_vectors` [records, dimension] are float32 and normalised, in the
    order of the training records and of the records that `search` will be asked for. From `approximate_from`
    training records on an approximate index proposes; else the search is exact, and its result depends neither on
    the order of the records nor on block sizes and `threads`.
    """

    def __init__(
        self,
        train: list[dict],
        train_vectors: Vectors | np.ndarray,
        record_vectors: Vectors | np.ndarray,
        neighbours: int,
        threads: int = 1,
        approximate_from: int | None = None,
    ):
        faiss.omp_set_num_threads(threads)
        self.ids = [record["id"] for record in train]
        self.ranks = np.empty(len(train), np.int64)
        self.ranks[sorted(range(len(train)), key=self.ids.__getitem__)] = np.arange(len(train))
        self.exclusion = Exclusion(train)
        self.train_vectors = train_vectors
        self.record_vectors = record_vectors
        self.neighbours = neighbours
        self.index, self.metadata = None, {"index": "exact"}
        if approximate_from is not None and len(train) >= approximate_from:
            sample = approximate.sample(len(train))
            excluded = [self.exclusion.of(train[position]) for position in sample]
            queries = Nearest(train_vectors[sample], excluded, self.ranks, neighbours)
            self.index, self.metadata = approximate.fit(train_vectors, queries)

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        for block, nearest in self.blocks(records):
            for record, scores, positions, excluded in zip(
                block, nearest.scores, nearest.positions, nearest.excluded, strict=True
            ):
                found = positions >= 0
                ids = [self.ids[position] for position in positions[found]]
                yield Row(record["id"], ids, scores[found].tolist(), len(excluded))

    def blocks(self, records: list[dict]) -> Iterator[tuple[list[dict], Nearest]]:
        """The records block by block, with the nearest training records of each block."""
        for start in range(0, len(records), BLOCK):
            block = records[start : start + BLOCK]
            excluded = [self.exclusion.of(record) for record in block]
            nearest = Nearest(self.record_vectors[start : start + BLOCK], excluded, self.ranks, self.neighbours)
            if self.index is None:
                yield block, nearest.search(self.train_vectors)
            else:
                yield block, approximate.search(self.index, self.train_vectors, nearest)
