"""The state of an unfinished run: what a killed run needs to continue as if nothing had happened."""

import hashlib
import io
import json
import sys
from pathlib import Path

import torch

from softshot.files import replacing, sha256

DIGEST = hashlib.sha256().digest_size


def key(settings: dict, inputs: list[Path]) -> str:
    """Names the state after what decides the run, so that a state of other settings or inputs is never used."""
    deciding = json.dumps([settings, [sha256(path) for path in inputs]], sort_keys=True)
    return hashlib.sha256(deciding.encode()).hexdigest()[:16]


def save(path: Path, state: dict) -> None:
    """Write the state after its checksum, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    with replacing(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def load(path: Path) -> dict | None:
    """The state, or None where there is none; one that was damaged on the disk is none, and said so."""
    if not path.exists():
        return None
    whole = path.read_bytes()
    checksum, content = whole[:DIGEST], whole[DIGEST:]
    if hashlib.sha256(content).digest() != checksum:
        print(f"{path} was damaged: starting from step 0", file=sys.stderr)
        return None
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
