"""Maximal marginal relevance: near to the record, unlike each other (Carbonell & Goldstein 1998)."""

import argparse
from collections.abc import Iterator

import numpy as np

from softshot.demonstrations.dense import Dense, over_vectors
from softshot.demonstrations.ranking import DECIMALS, SearchSettings
from softshot.demonstrations.table import Row
from softshot.errors import UserError


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple["Mmr", dict[str, str]]:
    """The retriever of these settings over the command line's vectors, and its encoder and pool for its table."""
    pool, made_by = over_vectors(args, settings, train, settings.pool)
    made_by |= {"pool": str(settings.pool), "diversity": str(settings.diversity)}
    return Mmr(pool, settings.neighbours, settings.diversity), made_by


class Mmr:
    """Training records chosen one by one among the nearest ones that `dense` finds, its neighbours.

    Each choice has the highest `(1 - diversity) * score - diversity * similarity`, with the similarity to the most
    similar one chosen before; the first is the nearest. So fewer neighbours are the beginning of more, and the scores
    of a row, which are those of `dense`, need not fall.
    """

    def __init__(self, dense: Dense, neighbours: int, diversity: float):
        if dense.neighbours < neighbours:
            raise UserError(f"pool: {neighbours} neighbours cannot be chosen among {dense.neighbours}; raise the pool.")
        self.dense = dense
        self.neighbours = neighbours
        self.diversity = diversity
        self.metadata = dense.metadata

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        for block, nearest in self.dense.blocks(records):
            for record, scores, positions, excluded in zip(
                block, nearest.scores, nearest.positions, nearest.excluded, strict=True
            ):
                scores, positions = scores[positions >= 0], positions[positions >= 0]
                chosen = choose(scores, self.dense.train_vectors[positions], self.neighbours, self.diversity)
                ids = [self.dense.ids[position] for position in positions[chosen]]
                yield Row(record["id"], ids, scores[chosen].tolist(), len(excluded))


def choose(scores: np.ndarray, vectors: np.ndarray, neighbours: int, diversity: float) -> list[int]:
    """Places of the chosen ones, in the order of choice; a tie goes to the first place.

    `scores` [pool] are of candidates with `vectors` [pool, dimension].
    """
    vectors = vectors.astype(np.float64)
    similarities = (vectors @ vectors.T).round(DECIMALS)
    values, closest, chosen = scores.copy(), np.full(len(scores), -np.inf), []
    while len(chosen) < min(neighbours, len(scores)):
        place = int(values.argmax())
        chosen.append(place)
        closest = np.maximum(closest, similarities[place])
        values = ((1 - diversity) * scores - diversity * closest).round(DECIMALS + 3)
        values[chosen] = -np.inf
    return chosen
