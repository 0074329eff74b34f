"""The catalogues of models and tasks, `resources/models.yaml` and `resources/tasks.yaml`.

Read while the Snakefile is parsed: nothing heavy is imported.
"""

import difflib
import functools
import json
import math
from pathlib import Path
from typing import Any

import yaml

from softshot.errors import UserError
from softshot.sections import read
from softshot.task import TaskSettings

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
# As the architectures call them, and the catalogue.
POSITION_KEYS = ("max_position_embeddings", "n_positions", "seq_length")
DIMENSION_KEYS = (
    ("layers", "num_hidden_layers", "n_layer"),
    ("width", "hidden_size", "n_embd"),
    ("vocabulary", "vocab_size"),
)


def models() -> dict[str, dict[str, Any]]:
    """The model catalogue: name to entry."""
    return _read("models.yaml")


def model_entry(name: str, folders: dict[str, str]) -> dict[str, Any]:
    """A model's entry. The study's own `folders` (name to folder) come before the catalogue."""
    if name in folders:
        return {"kind": "folder", "path": folders[name]}
    return _entry(name, models(), [*folders, *models()], "model", "or give it a folder in `models.folders`")


def positions(name: str, folders: dict[str, str]) -> int | None:
    """The most positions a model takes; None where neither the catalogue nor the folder's config.json says it."""
    entry = model_entry(name, folders)
    if entry["kind"] != "folder":
        return entry.get("positions")
    values = read_config(name, entry["path"])
    return next((values[key] for key in POSITION_KEYS if key in values), None)


def read_config(name: str, folder: str) -> dict[str, Any]:
    """The config.json of a model of the user's own."""
    config = Path(folder).expanduser() / "config.json"
    try:
        return json.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"models.folders.{name}: {config} does not exist; name the folder of a saved model") from None
    except ValueError as error:
        raise UserError(f"{config}: not valid JSON: {error}") from None


def parameters(name: str, folders: dict[str, str]) -> int | None:
    """A model's size, from the catalogue or the headers of the folder's weights; None where neither says it."""
    entry = model_entry(name, folders)
    if entry["kind"] != "folder":
        return entry.get("parameters")
    files = Path(entry["path"]).expanduser().glob("*.safetensors")
    return sum(math.prod(tensor["shape"]) for file in files for tensor in _header(file).values()) or None


def dimensions(name: str, folders: dict[str, str]) -> tuple[int, int, int] | None:
    """A model's layers, width of the hidden states and size of the vocabulary; None where nothing says them."""
    entry = model_entry(name, folders)
    if entry["kind"] == "folder":
        entry = read_config(name, entry["path"])
    found = [next((entry[key] for key in keys if key in entry), None) for keys in DIMENSION_KEYS]
    return None if None in found else tuple(found)


def _header(file: Path) -> dict[str, dict[str, Any]]:
    """The tensors that a safetensors file names in its header: 8 bytes of length, then JSON. A broken one has none."""
    try:
        with file.open("rb") as opened:
            entries = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        return {name: entry for name, entry in entries.items() if name != "__metadata__"}
    except (OSError, ValueError, OverflowError, MemoryError):
        return {}  # the job that reads the weights says what is wrong with them


def tasks() -> dict[str, dict[str, Any]]:
    """The task catalogue: name to entry."""
    return _read("tasks.yaml")


def task_entry(name: str, own: dict[str, TaskSettings]) -> TaskSettings:
    """A task's entry, checked. The study's own tasks come before the catalogue."""
    if name in own:
        return own[name]
    _entry(name, tasks(), [*own, *tasks()], "task", "or describe a task of your own in `data.own`")
    return _checked(name)


@functools.cache
def _checked(name: str) -> TaskSettings:
    return read(TaskSettings, tasks()[name], f"resources/tasks.yaml: {name}")


@functools.cache
def _read(file: str) -> dict[str, dict[str, Any]]:
    try:
        entries = yaml.safe_load((RESOURCES / file).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"resources/{file}: not valid YAML: {error}") from None
    if not isinstance(entries, dict):
        raise UserError(f"resources/{file}: holds no entries `name: ...`")
    return entries


def _entry(name: str, entries: dict[str, dict], known: list[str], what: str, remedy: str) -> dict[str, Any]:
    """The named entry; an unknown name is an error that lists the known ones and the closest."""
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    raise UserError(
        f"no {what} {name!r}.{guess} Known {what}s: {', '.join(known)}."
        f" Use one of these from resources/{what}s.yaml, {remedy}."
    )
