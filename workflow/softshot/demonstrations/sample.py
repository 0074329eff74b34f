"""Random demonstrations: the baseline of retrieval."""

import argparse
import math
import random
from collections.abc import Iterator

from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.ranking import SearchSettings, by_id
from softshot.demonstrations.table import Row
from softshot.errors import UserError


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple["Random", dict[str, str]]:
    """The retriever of these settings and of the command line's seed; its table says nothing more of its making."""
    if args.seed is None:
        raise UserError("random demonstrations need a --seed.")
    return Random(train, settings.neighbours, args.seed), {}


class Random:
    """Distinct training records, drawn uniformly; scores are NaN.

    A draw depends on the seed, the record's id and the set of training records, not on the order of either file.
    Asking for more neighbours only appends to the ones drawn before.
    """

    def __init__(self, train: list[dict], neighbours: int, seed: int):
        train = by_id(train)
        self.ids = [record["id"] for record in train]
        self.exclusion = Exclusion(train)
        self.neighbours = neighbours
        self.seed = seed
        self.metadata = {"seed": str(seed)}

    def search(self, records: list[dict]) -> Iterator[Row]:
        """See ranking.Retriever."""
        for record in records:
            excluded = self.exclusion.of(record)
            wanted = min(self.neighbours, len(self.ids) - len(excluded))
            generator = random.Random(f"{self.seed}-{record['id']}")
            drawn: dict[int, None] = {}  # a set that keeps the order of the draws
            while len(drawn) < wanted:
                position = generator.randrange(len(self.ids))
                if position not in excluded:
                    drawn[position] = None
            ids = [self.ids[position] for position in drawn]
            yield Row(record["id"], ids, [math.nan] * wanted, len(excluded))
