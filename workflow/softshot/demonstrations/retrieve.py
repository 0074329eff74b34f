"""Nearest training records by exact search over normalised vectors (FAISS `IndexFlatIP`).

FAISS proposes, this module decides. A matrix product's last bits depend on how many rows are searched together,
so FAISS's own order of near-equal scores is not to be relied on. Proposals are scored again in float64, rounded
to six decimals (coarser than the encoder's own noise), and ties are broken by id. A record is settled when what
FAISS did not propose lies so far below its last neighbour that no rounding could bring it in; until then more
proposals are fetched, which is also what makes up for those left out as duplicates.
"""

import faiss
import numpy as np

from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.table import Row

DECIMALS = 6
MARGIN = 1e-5  # rounding (5e-7) and float32 noise of a product of unit vectors (about 1e-6), with room to spare
SPARE = 8  # proposals beyond the neighbours asked for, at first
BLOCK = 512  # records searched together


def retrieve(
    train: list[dict],
    train_vectors: np.ndarray,
    records: list[dict],
    record_vectors: np.ndarray,
    neighbours: int,
    threads: int = 1,
) -> list[Row]:
    """The nearest training records of every record, itself and its duplicates left out.

    `train_vectors` [train, dimension] and `record_vectors` [records, dimension] are float32 and normalised. A row
    has fewer than `neighbours` entries only where there are no more candidates. The result depends neither on the
    order of the records or the training records nor on `BLOCK` and `threads`.
    """
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(train_vectors.shape[1])
    index.add(train_vectors)
    exclusion = Exclusion(train)
    ids = [record["id"] for record in train]
    excluded = [exclusion.of(record) for record in records]

    best: dict[int, list[tuple[float, str]]] = {}
    for start in range(0, len(records), BLOCK):
        pending = list(range(start, min(start + BLOCK, len(records))))
        fetch = neighbours + SPARE
        while pending:
            fetch = min(fetch, len(train))
            scores, proposals = index.search(record_vectors[pending], fetch)
            unsettled = []
            for row, positions, lowest in zip(pending, proposals.tolist(), scores[:, -1], strict=True):
                candidates = [position for position in positions if position not in excluded[row]]
                ranked = rank(record_vectors[row], train_vectors, ids, candidates)[:neighbours]
                complete = len(ranked) == neighbours and ranked[-1][0] - lowest > MARGIN
                if complete or fetch == len(train):
                    best[row] = ranked
                else:
                    unsettled.append(row)
            pending = unsettled
            fetch *= 2

    return [
        Row(record["id"], [id for _, id in best[row]], [score for score, _ in best[row]], len(excluded[row]))
        for row, record in enumerate(records)
    ]


def rank(query: np.ndarray, vectors: np.ndarray, ids: list[str], candidates: list[int]) -> list[tuple[float, str]]:
    """(score, id) of the candidates, highest rounded score first, then by id."""
    products = vectors[candidates].astype(np.float64) @ query.astype(np.float64)
    scores = products.round(DECIMALS).tolist()
    pairs = zip(scores, (ids[position] for position in candidates), strict=True)
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1]))
