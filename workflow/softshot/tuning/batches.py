"""The order in which training rows are seen: a function of seed and step alone, so nothing need be stored."""

import random
from collections.abc import Iterator, Sequence

from softshot.engine.layout import Row
from softshot.errors import UserError

WINDOW = 16  # batches among which rows are sorted by length


def batches(rows: Sequence[Row | None], batch_size: int, seed: int) -> Iterator[list[Row]]:
    """Batches without end. Each epoch is a new permutation, in which rows of like length share a batch.

    A None is a record that was too long to be laid out. Raises UserError where all are.

    A window of rows, the next few of the permutation, is sorted by length and cut into batches, which are shuffled:
    little padding, and still every row once an epoch. No row is asked for before its window. A last, smaller batch is
    kept.
    """
    epoch, size = 0, WINDOW * batch_size
    while True:
        shuffle = random.Random(f"{seed}-{epoch}").shuffle
        order = list(range(len(rows)))
        shuffle(order)
        count = 0
        for start in range(0, len(order), size):
            window = [k for k in order[start : start + size] if rows[k] is not None]
            window.sort(key=lambda k: (len(rows[k]), k))
            cut = [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
            shuffle(cut)
            yield from ([rows[k] for k in batch] for batch in cut)
            count += len(cut)
        if not count:
            raise UserError("no training record's output fits into engine.context: raise it.")
        epoch += 1
