"""Parts of a task's training records, for runs on fewer of them: nested in size and drawn by a seed."""

import hashlib
from pathlib import Path

from softshot.errors import UserError
from softshot.files import checksums, read_jsonl, write_json, write_jsonl


def subset(records: Path, size: int, seed: int, out: Path) -> None:
    """Write the first `size` of the training records in the order of the seed, and their checksum beside them.

    A record's place in that order comes from the seed and its id alone, so that a smaller part is the beginning of a
    larger one. A size larger than the file is a UserError.
    """
    there = read_jsonl(records)
    if size > len(there):
        raise UserError(
            f"data_size.train: {size} training records were asked for, but {records} has {len(there)};"
            f" take {size} out of the list, or let the task have more (data.limits.train)."
        )
    write_jsonl(out, sorted(there, key=lambda record: _place(record["id"], seed))[:size])
    write_json(out.with_suffix(".json"), {"records": size, "seed": seed, "checksums": checksums(out)})


def _place(id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}-{id}".encode(), digest_size=16).digest()
