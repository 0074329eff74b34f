"""The state of an unfinished run: what a killed run needs to continue as if nothing had happened."""

import hashlib
import json
import sys
from pathlib import Path
from pickle import UnpicklingError

import torch

from softshot.files import replacing, sha256


def key(settings: dict, inputs: list[Path]) -> str:
    """Names the state after what decides the run, so that a state of other settings or inputs is never used."""
    deciding = json.dumps([settings, [sha256(path) for path in inputs]], sort_keys=True)
    return hashlib.sha256(deciding.encode()).hexdigest()[:16]


def save(path: Path, state: dict) -> None:
    """Write the state, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(state, file)


def load(path: Path) -> dict | None:
    """The state, or None where there is none; one that was damaged on the disk is none, and said so."""
    if not path.exists():
        return None
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, UnpicklingError) as error:
        print(f"{path} is damaged ({str(error).splitlines()[0]}): starting from step 0", file=sys.stderr)
        return None
