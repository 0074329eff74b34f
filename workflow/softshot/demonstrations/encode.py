"""The vectors of many texts, resumable: each distinct text once, longest first, batches of about equal size.

What is encoded is appended to a `.part` file in this order, which the texts alone decide. After a kill the next call
continues with the batch it was in; the batches are the same, and so are the vectors.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from softshot.demonstrations.encoders import Encoder
from softshot.errors import UserError

BLOCK = 2**14  # vectors brought into the records' order at once


def part_path(out: Path, *made_by: str) -> Path:
    """Where the vectors for `out` gather that are made by these (encoder, records, code ...); others are deleted."""
    key = hashlib.sha256("\n".join(made_by).encode()).hexdigest()[:16]
    part = out.parent / f".{out.name}.{key}.part"
    for stale in set(out.parent.glob(f".{out.name}.*.part")) - {part}:
        stale.unlink()
    return part


def encode(texts: list[str], encoder: Encoder, part: Path) -> Iterator[np.ndarray]:
    """Encode the texts into `part`, which is for the caller to delete.

    Returns their vectors in the order of the texts, in blocks [some, dimension].
    """
    distinct = sorted(set(texts), key=lambda text: (-size(text), text))
    fill(part, distinct, encoder)
    vectors = np.memmap(part, np.float32, "r", shape=(len(distinct), encoder.dimension))
    row_of = {text: row for row, text in enumerate(distinct)}
    return (vectors[[row_of[text] for text in texts[start : start + BLOCK]]] for start in range(0, len(texts), BLOCK))


def fill(part: Path, texts: list[str], encoder: Encoder) -> None:
    """Append to `part` what it lacks of the texts' vectors; a batch that is not whole is encoded again."""
    part.parent.mkdir(parents=True, exist_ok=True)
    width = 4 * encoder.dimension
    with part.open("ab") as file:
        there = file.tell() // width
        bounds = list(batches(texts, encoder.batch_bytes))
        done = max((stop for _, stop in bounds if stop <= there), default=0)
        file.truncate(done * width)
        if done:
            print(f"encoding continues after {done} of {len(texts)} texts", file=sys.stderr)
        with tqdm(total=len(texts), initial=done, unit=" texts", disable=None) as progress:
            for start, stop in bounds:
                if start < done:
                    continue
                vectors = encoder(texts[start:stop])
                if not np.isfinite(vectors).all():
                    raise UserError(f"the encoder gives numbers that are not finite near {texts[start][:80]!r}.")
                file.write(vectors.tobytes())
                file.flush()
                progress.update(stop - start)


def batches(texts: list[str], most: int) -> Iterator[tuple[int, int]]:
    """Bounds of consecutive batches of texts, which come longest first: `most` bytes when padded, or one text."""
    start = 0
    while start < len(texts):
        stop = min(len(texts), start + max(1, most // max(1, size(texts[start]))))
        yield start, stop
        start = stop


def size(text: str) -> int:
    """UTF-8 bytes: over all scripts nearer to the number of tokens than characters are."""
    return len(text.encode())
