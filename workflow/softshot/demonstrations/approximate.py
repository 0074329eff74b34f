"""An approximate index (FAISS `IndexIVFFlat`) for so many training records that an exact search takes too long.

The training vectors are put into cells, and only the cells nearest to a record are searched. The index proposes;
what is proposed is decided as in the exact search (nearest.py). It holds one copy of the vectors in memory, and its
cells, unlike the exact search, may differ from machine to machine.
"""

import sys

import faiss
import numpy as np

from softshot.demonstrations.embeddings import Vectors
from softshot.demonstrations.nearest import SPARE, Nearest

RECALL = 0.95  # least share of the exact neighbours that the index has to find
SAMPLE = 200  # training records on which that is measured
POINTS = 50  # per cell, that the cells are computed from
BLOCK = 2**16  # training vectors put into cells at once
SEED = 0


def sample(train: int) -> np.ndarray:
    """Positions of the training records on which recall is measured, sorted."""
    return np.sort(np.random.default_rng(SEED).permutation(train)[:SAMPLE])


def fit(vectors: Vectors | np.ndarray, queries: Nearest) -> tuple[faiss.IndexIVFFlat | None, dict[str, str]]:
    """The index over the training vectors with the fewest cells searched that reach RECALL on the queries.

    Also what a table's metadata says of it. None where that would take more than a sixteenth of the cells: going
    through a tenth of them has been measured to take as long as the exact search, which is one matrix product.
    """
    cells = min(int(4 * len(vectors) ** 0.5), len(vectors))
    index = build(vectors, cells)
    exact = queries.anew().search(vectors)
    index.nprobe = 1
    while (recall := found(search(index, vectors, queries.anew()), exact)) < RECALL and index.nprobe <= cells // 32:
        index.nprobe *= 2
    measured = {"approximate_recall": f"{recall:.3f}", "cells": str(cells), "cells_searched": str(index.nprobe)}
    used = recall >= RECALL
    print(
        f"{'approximate' if used else 'exact'} search: an approximate index finds {recall:.1%} of the exact neighbours"
        f" with {index.nprobe} of {cells} cells searched",
        file=sys.stderr,
    )
    return (index, {"index": "approximate"} | measured) if used else (None, {"index": "exact"} | measured)


def build(vectors: Vectors | np.ndarray, cells: int) -> faiss.IndexIVFFlat:
    """The index with all training vectors in it."""
    width = vectors.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, cells, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.spherical = SEED, True
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, POINTS
    chosen = np.random.default_rng(SEED).permutation(len(vectors))[: cells * POINTS]
    index.train(vectors[np.sort(chosen)])
    for start in range(0, len(vectors), BLOCK):
        index.add(vectors[start : start + BLOCK])
    return index


def search(index: faiss.IndexIVFFlat, vectors: Vectors | np.ndarray, nearest: Nearest) -> Nearest:
    """Let the index propose; records for which it proposes too few are searched exactly."""
    _, proposals = index.search(nearest.queries, nearest.scores.shape[1] + SPARE)
    nearest.scores, nearest.positions = nearest.with_candidates(np.arange(len(proposals)), proposals, vectors)
    if (short := np.flatnonzero(nearest.positions[:, -1] < 0)).size:
        exact = nearest.anew(short).search(vectors)
        nearest.scores[short], nearest.positions[short] = exact.scores, exact.positions
    return nearest


def found(approximate: Nearest, exact: Nearest) -> float:
    """Recall: the share of the exact neighbours that are among the approximate ones."""
    pairs = zip(approximate.positions.tolist(), exact.positions.tolist(), strict=True)
    shared = sum(len({*some} & {*all_} - {-1}) for some, all_ in pairs)
    return shared / max(1, (exact.positions >= 0).sum())
