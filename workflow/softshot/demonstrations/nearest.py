"""Exact nearest neighbours over normalised vectors, streamed.

FAISS proposes in float32, this module decides in float64. A matrix product's last bits depend on how many rows are
searched together, so FAISS's own order of near-equal scores is not to be relied on. Proposals are scored again,
rounded, and ties are broken by id. A record is settled when what FAISS did not propose lies so far below its last
neighbour that no rounding could bring it in; else, as where a large group is excluded, everything that could come in is
scored again.
"""

import functools
from typing import Self

import faiss
import numpy as np

from softshot.demonstrations.embeddings import Vectors
from softshot.demonstrations.ranking import DECIMALS

MARGIN = 1e-5  # rounding (5e-7) and float32 noise of a product of unit vectors (about 1e-6), with room to spare
SPARE = 8  # proposals beyond the neighbours asked for: room for ties and for what is excluded
BLOCK_BYTES = 2**26  # of the training vectors that are held at once
PRODUCTS = 2**22  # scores that are held at once of records that are not settled by what was proposed
GATHERED = 2**17  # numbers that are gathered at once to be scored again: few enough for a CPU's cache


class Nearest:
    """The nearest training records so far of a block of records.

    `queries` [block, dimension] are their vectors, `excluded` the positions in train that each may not have, and
    `ranks` [train] the places of the training records in the order of their ids, by which ties are settled.
    `scores` and `positions` [block, neighbours] are the result, best first; -inf and -1 where there is none.
    """

    def __init__(self, queries: np.ndarray, excluded: list[set[int]], ranks: np.ndarray, neighbours: int):
        self.queries = queries
        self.ranks = np.append(ranks, len(ranks))  # position -1 comes last
        self.excluded = excluded
        self.barred = np.array(sorted(row * len(ranks) + p for row, left_out in enumerate(excluded) for p in left_out))
        self.scores = np.full((len(queries), neighbours), -np.inf)
        self.positions = np.full((len(queries), neighbours), -1)

    def anew(self, rows: np.ndarray | None = None) -> "Nearest":
        """The same search before its beginning, for some of the records or all."""
        rows = np.arange(len(self.queries)) if rows is None else rows
        excluded = [self.excluded[row] for row in rows]
        return Nearest(self.queries[rows], excluded, self.ranks[:-1], self.scores.shape[1])

    def search(self, vectors: Vectors | np.ndarray) -> Self:
        """Go through all training vectors, [train, dimension], block by block."""
        step = max(1, BLOCK_BYTES // (4 * vectors.shape[1]))
        for start in range(0, len(vectors), step):
            self._take(vectors[start : start + step], start)
        return self

    def _take(self, block: np.ndarray, start: int) -> None:
        """Bring in the training vectors of one block, the first of which has the position `start`."""
        fetch = min(self.scores.shape[1] + SPARE, len(block))
        lowest, proposals = propose(self.queries, block, fetch)
        everyone = np.arange(len(self.queries))
        scores, positions = self.with_candidates(everyone, proposals + start, block, start)
        unsettled = lowest >= scores[:, -1] - MARGIN if fetch < len(block) else np.zeros(len(everyone), bool)
        for rows in np.array_split(np.flatnonzero(unsettled), unsettled.sum() * len(block) // PRODUCTS + 1):
            products = self.queries[rows] @ block.T
            for row, row_products in zip(rows, products, strict=True):
                candidates = np.flatnonzero(row_products >= self._least(row, row_products, start, scores[row, -1]))
                found = self.with_candidates(row[None], candidates[None] + start, block, start)
                scores[row], positions[row] = found[0][0], found[1][0]
        self.scores, self.positions = scores, positions

    def _least(self, row: int, products: np.ndarray, start: int, last: float) -> float:
        """The product from which on a vector of the block can be among the row's neighbours; `last` has the last one.

        `products` [block] of what is excluded, which may be a group of hundreds, are put out of reach.
        """
        products[[place - start for place in self.excluded[row] if start <= place < start + len(products)]] = -np.inf
        wanted = min(self.scores.shape[1], len(products))
        return max(last, np.partition(products, -wanted)[-wanted]) - MARGIN

    def _is_barred(self, pairs: np.ndarray) -> np.ndarray:
        """Which of the pairs, `row * train + position`, are excluded ones."""
        if not len(self.barred):
            return np.zeros(pairs.shape, bool)
        places = np.searchsorted(self.barred, pairs).clip(max=len(self.barred) - 1)
        return self.barred[places] == pairs

    def with_candidates(
        self, rows: np.ndarray, positions: np.ndarray, vectors: Vectors | np.ndarray, start: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and positions of these rows with their candidates brought in; nothing is kept.

        `positions` [rows, candidates] have their vectors at `positions - start` in `vectors`; -1 is no candidate.
        """
        scores = np.empty(positions.shape)
        step = max(1, GATHERED // max(1, positions.shape[1] * vectors.shape[1]))
        for part in (slice(first, first + step) for first in range(0, len(rows), step)):
            gathered = vectors[positions[part] - start].astype(np.float64)
            queries = self.queries[rows[part]].astype(np.float64)
            scores[part] = (gathered @ queries[:, :, None])[:, :, 0]
        scores = scores.round(DECIMALS) + 0.0  # no negative zero
        barred = (positions < 0) | self._is_barred(rows[:, None] * (len(self.ranks) - 1) + positions)
        scores[barred] = -np.inf
        scores = np.concatenate([self.scores[rows], scores], axis=1)
        positions = np.concatenate([self.positions[rows], np.where(barred, -1, positions)], axis=1)
        order = np.lexsort((self.ranks[positions], -scores), axis=1)[:, : self.scores.shape[1]]
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(positions, order, axis=1)


def propose(queries: np.ndarray, block: np.ndarray, fetch: int) -> tuple[np.ndarray, np.ndarray]:
    """The lowest proposed score [queries] and the proposals [queries, fetch] by inner product in float32."""
    if on_gpu := gpu():
        scores, proposals = faiss.knn_gpu(on_gpu, queries, block, fetch, metric=faiss.METRIC_INNER_PRODUCT)
    else:
        scores, proposals = faiss.knn(queries, block, fetch, metric=faiss.METRIC_INNER_PRODUCT)
    return scores[:, -1], proposals


@functools.cache
def gpu() -> "faiss.StandardGpuResources | None":
    """FAISS's handle of the GPU; None without one, or with FAISS's build for CPUs."""
    there = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus()
    return faiss.StandardGpuResources() if there else None
