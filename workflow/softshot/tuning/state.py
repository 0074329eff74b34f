"""The state of an unfinished run: what a killed run needs to continue as if nothing had happened."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Any

import torch

from softshot.files import replacing, sha256

DIGEST = hashlib.sha256().digest_size
BLOCK = 2**20


def key(settings: dict, inputs: list[Path]) -> str:
    """Names the state after what decides the run, so that a state of other settings or inputs is never used."""
    deciding = json.dumps([settings, [sha256(path) for path in inputs]], sort_keys=True)
    return hashlib.sha256(deciding.encode()).hexdigest()[:16]


def save(path: Path, state: dict[str, Any]) -> None:
    """Write the state and then its checksum, whole or not at all; it is never in memory a second time."""
    with replacing(path) as temporary:
        with temporary.open("wb") as file:  # not by its name: what goes wrong would be in nobody's words
            torch.save(state, file)
        with temporary.open("rb+") as file:
            size = os.stat(temporary).st_size
            digest = _digest(file, size)
            file.seek(size)
            file.write(digest)


def load(path: Path) -> dict[str, Any] | None:
    """The state, or None where there is none; one that was damaged on the disk is none, and said so."""
    if not path.exists():
        return None
    with path.open("rb+") as file:
        size = os.stat(path).st_size - DIGEST
        digest = _digest(file, size)
        if size <= 0 or file.read() != digest:
            print(f"{path} was damaged: starting from step 0", file=sys.stderr)
            return None
    with path.open("rb") as file:
        return torch.load(file, map_location="cpu", weights_only=True)


def _digest(file: IO[bytes], size: int) -> bytes:
    """SHA-256 of the first `size` bytes."""
    digest, left = hashlib.sha256(), size
    while left > 0 and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.digest()
