"""The catalogues of models and tasks, `resources/models.yaml` and `resources/tasks.yaml`.

Read while the Snakefile is parsed: nothing heavy is imported.
"""

import difflib
import functools
import math
import os
from pathlib import Path
from typing import Any

import yaml

from softshot.errors import UserError
from softshot.models import architectures, gguf_header, headers
from softshot.sections import read
from softshot.task import TaskSettings

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIG, RESOURCES = CHECKOUT / "config.yaml", CHECKOUT / "resources"
BYTES = {"float32": 4, "float64": 8}  # of a number in pickled weights; others have 2


def models() -> dict[str, dict[str, Any]]:
    """The model catalogue: name to entry."""
    return _read("models.yaml")


def model_entry(name: str, folders: dict[str, str]) -> dict[str, Any]:
    """A model's entry. The study's own `folders` (name to folder or GGUF file) come before the catalogue.

    The entry of a GGUF file has the sizes that the file says, as those of the catalogue have.
    """
    if name in folders and is_gguf(folders[name]):
        return {"kind": "gguf", "path": folders[name]} | gguf_header.read(Path(os.path.expanduser(folders[name])))
    if name in folders:
        return {"kind": "folder", "path": folders[name]}
    return _entry(name, models(), [*folders, *models()], "model", "or give it a folder in `models.folders`")


def is_gguf(place: str) -> bool:
    """Whether what `models.folders` names is a GGUF file, and no folder."""
    return place.lower().endswith(".gguf") and not Path(os.path.expanduser(place)).is_dir()


def check_model(name: str, folders: dict[str, str], retrieval: bool = False) -> None:
    """Refuse a model that cannot be used, as far as the catalogue and a local folder say it before any job.

    `retrieval`: as an encoder of texts and not as a base model. Raises UserError with the remedy.
    """
    entry = model_entry(name, folders)
    folder = Path(os.path.expanduser(entry["path"])) if entry["kind"] == "folder" else None
    names = [path.relative_to(folder).as_posix() for path in folder.glob("*")] if folder else []
    if not retrieval and (entry.get("role") == "encoder" or architectures.is_sentence_encoder(names)):
        raise UserError(f"config.yaml: models.use: {name} is an encoder; name a causal language model.")
    if entry["kind"] == "gguf" and (fault := architectures.fault({"model_type": entry.get("architecture")}, [])):
        raise UserError(f"config.yaml: models.folders.{name}: {entry['path']}: {fault}")
    if folder:
        names += [path.relative_to(folder).as_posix() for path in folder.glob("*/config.json")]
        config = read_config(name, entry["path"])
        fault = architectures.fault(config, names) or (None if retrieval else architectures.decoding_fault(config))
        fault = fault or headers.fault(folder)
        if fault:
            raise UserError(f"config.yaml: models.folders.{name}: {folder}: {fault}")


def room(name: str, folders: dict[str, str]) -> architectures.Room | None:
    """How long a row of a model can be; None where neither the catalogue nor the folder's config.json says it."""
    entry = model_entry(name, folders)
    if entry["kind"] == "folder":
        return architectures.room(read_config(name, entry["path"]))
    return architectures.room(
        {"max_position_embeddings": entry.get("positions"), "sliding_window": entry.get("window")}
    )


def read_config(name: str, folder: str) -> dict[str, Any]:
    """The config.json of a model of the user's own."""
    config = Path(os.path.expanduser(folder)) / "config.json"
    if not config.exists() and config.with_name("adapter_config.json").exists():
        raise UserError(f"models.folders.{name}: {config.parent} {architectures.ADAPTER}")
    try:
        return architectures.read(config)
    except FileNotFoundError:
        raise UserError(f"models.folders.{name}: {config} does not exist; name the folder of a saved model") from None


def parameters(name: str, folders: dict[str, str]) -> int | None:
    """A model's size, from the catalogue or the headers of the folder's weights; None where neither says it.

    Pickled weights have no header: their size follows from that of the files.
    """
    entry = model_entry(name, folders)
    if entry["kind"] != "folder":
        return entry.get("parameters")
    folder = Path(os.path.expanduser(entry["path"]))
    shapes = [tensor["shape"] for file in folder.glob("*.safetensors") for tensor in headers.read(file).values()]
    if shapes:
        return sum(map(math.prod, shapes))
    size = sum(file.stat().st_size for file in folder.glob("pytorch_model*.bin"))
    values = read_config(name, entry["path"]) if size else {}
    return size // BYTES.get(values.get("dtype", values.get("torch_dtype", "float32")), 2) or None


def dimensions(name: str, folders: dict[str, str]) -> tuple[int, int, int] | None:
    """A model's layers, width of the hidden states and size of the vocabulary; None where nothing says them."""
    entry = model_entry(name, folders)
    return architectures.dimensions(read_config(name, entry["path"]) if entry["kind"] == "folder" else entry)


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
