"""The state of an unfinished run: what a killed run needs to continue as if nothing had happened."""

import hashlib
import json
import os
from pathlib import Path

import torch

from softshot.files import replacing, sha256


def key(settings: dict, inputs: list[Path]) -> str:
    """Names the state after what decides the run, so that a state of other settings or inputs is never used."""
    deciding = json.dumps([settings, [sha256(path) for path in inputs]], sort_keys=True)
    return hashlib.sha256(deciding.encode()).hexdigest()[:16]


def save(path: Path, state: dict) -> None:
    """Write the state, whole or not at all, and on the disk before it counts."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def load(path: Path) -> dict | None:
    """The state, or None where there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None
