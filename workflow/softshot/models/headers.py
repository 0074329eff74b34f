"""The headers of safetensors files, which name every tensor without its numbers. Imports nothing heavy."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Before every name in weights saved from a model that was wrapped, and by what.
PLAIN = {"F16", "BF16", "F32", "F64"}  # types of numbers that a model can be tuned with
WRAPPERS = {"_orig_mod.": "torch.compile", "module.": "DataParallel or DistributedDataParallel"}


def read(file: Path) -> dict[str, dict[str, Any]]:
    """The tensors that a safetensors file names: 8 bytes of length, then JSON. A broken file names none."""
    try:
        with file.open("rb") as opened:
            entries = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        return {name: entry for name, entry in entries.items() if name != "__metadata__"}
    except (OSError, ValueError, OverflowError, MemoryError):
        return {}  # the job that reads the weights says what is wrong with them


def wrapper(names: Iterable[str]) -> str | None:
    """The prefix that all tensors of a wrapped model have, None for others."""
    names = list(names)
    return next((prefix for prefix in WRAPPERS if names and all(name.startswith(prefix) for name in names)), None)


def fault(folder: Path) -> str | None:
    """Why the weights in a folder cannot be used, by their names and types, and what to do; None where nothing is."""
    tensors = {name: entry for file in sorted(folder.glob("*.safetensors")) for name, entry in read(file).items()}
    if prefix := wrapper(tensors):
        return f"in its weights {wrapped(prefix)}"
    types = {name: entry.get("dtype") for name, entry in tensors.items() if name.endswith("weight")}
    if packed := next((name for name, dtype in types.items() if dtype not in PLAIN), None):
        return (
            f"its weights are quantised ({packed} is {types[packed]}), and a model that is tuned needs plain ones. Name"
            " the model that it was made from."
        )
    return None


def wrapped(prefix: str) -> str:
    """What is wrong with such weights, and what to do."""
    return (
        f"every tensor has `{prefix}` before its name, as {WRAPPERS[prefix]} saves them, so that none would be found."
        f" Save the model inside (`model.{prefix}save_pretrained(<folder>)`), or take the prefix away."
    )
