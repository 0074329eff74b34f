"""Which of a file's records a split keeps: the part that is carved, and of it a seeded sample."""

import hashlib
import random
from array import array
from collections.abc import Iterable

from softshot.data.text import fold

ORDER = ("test", "validation", "held_out")  # so that holding records out of training moves no other split


def choose(
    inputs: Iterable[str], task: str, split: str, carve: dict[str, float], limit: int | None, sample_seed: int
) -> set[int]:
    """Positions of the inputs that the split keeps: those of its part of the file, or `limit` of them.

    `carve` has the shares of the splits that are carved from this file, or is empty where none are. Eight bytes are
    kept per input.
    """
    keys = array("Q", (_key(text, task, sample_seed) if carve else 0 for text in inputs))
    if carve:
        mine = _parts(set(keys), carve)[split]
        positions = [position for position, key in enumerate(keys) if key in mine]
    else:
        positions = range(len(keys))
    return {positions[index] for index in sample(len(positions), limit, f"{sample_seed}-{task}-{split}")}


def sample(count: int, limit: int | None, seed: str) -> list[int]:
    """`limit` of the positions below `count`, ascending; all of them where `limit` is None or larger.

    The seed's text decides, the same on every machine. A larger limit only adds positions.
    """
    return sorted(random.Random(seed).sample(range(count), count)[:limit])


def _parts(keys: set[int], carve: dict[str, float]) -> dict[str, set[int]]:
    """The keys of every carved split and of train, by rank: a share is one of the different inputs.

    Rounding leaves no split without an input as long as there are enough; train comes first.
    """
    ranked = sorted(keys)
    parts, start = {}, 0
    for number, split in enumerate(split for split in ORDER if split in carve):
        needed = len(carve) - number  # by train and the splits after this one
        size = min(max(1, round(carve[split] * len(ranked))), max(0, len(ranked) - start - needed))
        parts[split] = set(ranked[start : start + size])
        start += size
    return {**parts, "train": set(ranked[start:])}


def _key(text: str, task: str, sample_seed: int) -> int:
    """A 64-bit hash of an input, the same for inputs that differ in white space and case only."""
    digest = hashlib.blake2b(f"{sample_seed}-{task}-{fold(text)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")
