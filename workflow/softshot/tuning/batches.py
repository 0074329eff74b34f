"""The order in which training rows are seen: a function of seed and step alone, so nothing need be stored."""

import random
from collections.abc import Iterator, Sequence

from softshot.engine.layout import Row
from softshot.errors import UserError

WINDOW = 16  # batches among which rows are sorted by length


def batches(rows: Sequence[Row | None], batch_size: int, seed: int) -> Iterator[list[Row]]:
    """Batches without end. Each epoch is a new permutation, in which rows of like length share a batch.

    A None is a record that was too long to be laid out. Raises UserError where all are.

    A window of rows is sorted by length and cut into batches, and all batches are shuffled: little
    padding, and still every row once an epoch. A last, smaller batch is kept.
    """
    epoch = 0
    while True:
        shuffle = random.Random(f"{seed}-{epoch}").shuffle
        order = list(range(len(rows)))
        shuffle(order)
        size = WINDOW * batch_size
        windows = [[k for k in order[i : i + size] if rows[k] is not None] for i in range(0, len(order), size)]
        if not any(windows):
            raise UserError("no training record's output fits into engine.context: raise it.")
        windows = [sorted(window, key=lambda k: (len(rows[k]), k)) for window in windows]
        cut = [w[i : i + batch_size] for w in windows for i in range(0, len(w), batch_size)]
        shuffle(cut)
        yield from ([rows[k] for k in batch] for batch in cut)
        epoch += 1
