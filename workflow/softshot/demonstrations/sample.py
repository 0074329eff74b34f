"""Random demonstrations: the baseline of retrieval."""

import math
import random

from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.table import Row


def sample(train: list[dict], records: list[dict], neighbours: int, seed: int) -> list[Row]:
    """Distinct training records per record, drawn uniformly, itself and its duplicates left out; scores are NaN.

    A draw depends on the seed, the record's id and the set of training records, not on the order of either file.
    Asking for more neighbours only appends to the ones drawn before.
    """
    train = sorted(train, key=lambda record: record["id"])
    exclusion = Exclusion(train)
    rows = []
    for record in records:
        excluded = exclusion.of(record)
        wanted = min(neighbours, len(train) - len(excluded))
        generator = random.Random(f"{seed}-{record['id']}")
        drawn: dict[int, None] = {}  # a set that keeps the order of the draws
        while len(drawn) < wanted:
            position = generator.randrange(len(train))
            if position not in excluded:
                drawn[position] = None
        ids = [train[position]["id"] for position in drawn]
        rows.append(Row(record["id"], ids, [math.nan] * wanted, len(excluded)))
    return rows
