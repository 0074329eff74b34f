"""Adapters from elsewhere: what somebody trained, scored in the same tables as what is tuned here.

An arm names the folder, in PEFT's format. What decides its predictions are the folder's two files. Imports nothing
heavy: every cluster job parses it.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any

from softshot import catalogue
from softshot.errors import UserError
from softshot.files import read_json, sha256
from softshot.grid import adapters, in_use
from softshot.methods.registry import METHODS
from softshot.settings import Study

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def files(folder: str) -> list[str]:
    """The files of an adapter."""
    return [str(Path(os.path.expanduser(folder)) / name) for name in (CONFIG, WEIGHTS)]


def facts(folder: str) -> dict[str, str]:
    """What decides the predictions of an adapter's runs: where it is, and its files' SHA-256, by their names."""
    stats = [(path, os.stat(path)) for path in files(folder)]
    places = tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)
    return {"folder": str(Path(os.path.expanduser(folder)))} | _checksums(places)


@cache
def _checksums(places: tuple[tuple[str, int, int], ...]) -> dict[str, str]:
    """SHA-256 of files, by their names; they are read again when their time or length has changed."""
    return {Path(path).name: sha256(Path(path)) for path, *_ in places}


@cache
def configuration(folder: str) -> dict[str, Any]:
    """What PEFT says of an adapter."""
    return read_json(Path(files(folder)[0]))


def tokens(folder: str) -> int:
    """The positions that an adapter takes before every row."""
    return configuration(folder).get("num_virtual_tokens") or 0


def check(study: Study) -> None:
    """Every adapter is there, for models of the study, and of a kind that its arm's method reads.

    Raises UserError, naming the key.
    """
    for label, arm in study.arms.items():
        where, method = f"config.yaml: arms.{label}.adapter", METHODS[arm.method]
        if not arm.adapter:
            continue
        if method.settings is None:
            raise UserError(f"{where}: the method {arm.method} has none; name the method that the adapter is of.")
        if isinstance(arm.adapter, dict) and (unknown := sorted(arm.adapter.keys() - study.models.use)):
            raise UserError(f"{where}.{unknown[0]}: no such model in models.use ({', '.join(study.models.use)}).")
        for folder in arm.adapter.values() if isinstance(arm.adapter, dict) else [arm.adapter]:
            _check_folder(folder, where, arm.method)


def _check_folder(folder: str, where: str, method: str) -> None:
    """One folder."""
    if missing := [path for path in files(folder) if not Path(path).is_file()]:
        raise UserError(
            f"{where}: {missing[0]} is not there; name the folder that PEFT's `save_pretrained` wrote, with weights as"
            " safetensors."
        )
    kind = configuration(folder).get("peft_type")
    if kind not in METHODS[method].reads:
        fitting = [name for name, other in METHODS.items() if kind in other.reads]
        remedy = f"its method is {' or '.join(fitting)}" if fitting else "softshot reads none of this kind"
        raise UserError(f"{where}: {folder} is an adapter of the kind {kind}, which {method} is not: {remedy}.")


def remarks(study: Study) -> list[str]:
    """Where an adapter says that it was trained on a model of another name than the one that it is put into."""
    found = []
    for label, arm in in_use(study, study.arms).items():
        for model in study.models.use if arm.adapter else []:
            for folder in adapters(arm, model):
                trained_on = configuration(folder).get("base_model_name_or_path") or "a model that it does not name"
                entry = catalogue.model_entry(model, study.models.folders)
                names = {model, *(str(entry[key]) for key in ("hub", "path") if key in entry)}
                if _last(trained_on) not in map(_last, names):
                    found.append(
                        f"arms.{label}.adapter: {folder} was trained on {trained_on}, and is put into {model}. If these"
                        " are different models of one shape, its scores mean nothing."
                    )
    return found


def _last(name: str) -> str:
    """The last part of a model's name or folder, in small letters."""
    return name.rstrip("/").rpartition("/")[2].lower()
