"""Which of a file's records a split keeps: the part that is carved, and of it a seeded sample."""

import hashlib
import random
from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from softshot.data.text import fold

ORDER = ("test", "validation", "held_out")  # so that holding records out of training moves no other split


class Marks(NamedTuple):
    """What tells a file's records apart, in its order: 64-bit hashes of texts."""

    keys: array  # of the group, or of the input where a record has none: they decide what is carved
    inputs: array  # whatever their white space and case
    pairs: array  # of such an input and the target as it is

    def at(self, positions: Iterable[int]) -> "Marks":
        """Those of some of the records."""
        chosen = list(positions)
        return Marks(*(array("Q", (values[position] for position in chosen)) for values in self))


def marks(records: Iterable[dict], task: str, sample_seed: int) -> Marks:
    """The marks of a file's records, read as a stream: 24 bytes are kept of each."""
    found = Marks(array("Q"), array("Q"), array("Q"))
    for record in records:
        text = fold(record["input"])
        found.keys.append(_hash(f"{sample_seed}-{task}-{fold(record['meta'].get('group', text))}"))
        found.inputs.append(_hash(text))
        found.pairs.append(_hash(f"{text}\n{record['target']}"))
    return found


def parts(keys: Sequence[int], carve: dict[str, float]) -> dict[str, list[int]]:
    """Positions of the records of every carved split and of train, ascending.

    A share is one of the different keys, by the rank of their hashes. Rounding leaves no split without a key as long
    as there are enough; train comes first.
    """
    ranked = sorted(set(keys))
    part_of: dict[int, str] = {}
    start = 0
    for number, split in enumerate(split for split in ORDER if split in carve):
        needed = len(carve) - number  # by train and the splits after this one
        size = min(max(1, round(carve[split] * len(ranked))), max(0, len(ranked) - start - needed))
        part_of |= dict.fromkeys(ranked[start : start + size], split)
        start += size
    positions: dict[str, list[int]] = {split: [] for split in (*carve, "train")}
    for position, key in enumerate(keys):
        positions[part_of.get(key, "train")].append(position)
    return positions


def sample(count: int, limit: int | None, seed: str) -> list[int]:
    """`limit` of the positions below `count`, ascending; all of them where `limit` is None or larger.

    The seed's text decides, the same on every machine. A larger limit only adds positions.
    """
    return sorted(random.Random(seed).sample(range(count), count)[:limit])


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
