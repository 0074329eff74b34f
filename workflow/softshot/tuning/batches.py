"""The order in which training rows are seen: a function of seed and step alone, so nothing need be stored."""

import random
from collections.abc import Iterator

from softshot.engine.layout import Row

WINDOW = 16  # batches among which rows are sorted by length


def batches(rows: list[Row], batch_size: int, seed: int) -> Iterator[list[Row]]:
    """Batches without end. Each epoch is a new permutation, in which rows of like length share a batch.

    A window of rows is sorted by length and cut into batches, and all batches are shuffled: little
    padding, and still every row once an epoch. A last, smaller batch is kept.
    """
    epoch = 0
    while True:
        shuffle = random.Random(f"{seed}-{epoch}").shuffle
        order = list(range(len(rows)))
        shuffle(order)
        size = WINDOW * batch_size
        windows = [sorted(order[i : i + size], key=lambda k: (len(rows[k]), k)) for i in range(0, len(order), size)]
        cut = [w[i : i + batch_size] for w in windows for i in range(0, len(w), batch_size)]
        shuffle(cut)
        yield from ([rows[k] for k in batch] for batch in cut)
        epoch += 1
