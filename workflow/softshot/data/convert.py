"""Official files to records: {"id", "input", "target", "references", "meta"}, one JSON object a line."""

import random
from pathlib import Path

from softshot import files
from softshot.data import dart, mtop
from softshot.errors import UserError

CONVERTERS = {"dart": dart.records, "mtop": mtop.records}


def convert(task: str, split: str, limit: int | None, sample_seed: int, source: Path, out: Path) -> None:
    """Convert one official file; with a `limit`, a seeded sample of that many records in the file's order."""
    if task not in CONVERTERS:
        raise UserError(f"task {task}: no converter; known tasks: {', '.join(CONVERTERS)}")
    records = list(CONVERTERS[task](source, split))
    if not records:
        raise UserError(f"{source}: holds no record")
    chosen = sample(len(records), limit, f"{sample_seed}-{task}-{split}")
    files.write_jsonl(out, (records[position] for position in chosen))


def sample(count: int, limit: int | None, seed: str) -> list[int]:
    """`limit` of the positions below `count`, ascending; all of them where `limit` is None or larger.

    The seed's text decides, the same on every machine. A larger limit only adds positions.
    """
    return sorted(random.Random(seed).sample(range(count), count)[:limit])
