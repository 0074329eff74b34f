"""Pickled weights to safetensors, once, on this machine. A pickle can hold code: none of it is ever run."""

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from softshot import files
from softshot.errors import UserError
from softshot.models import layout


def convert(model: str, folder: Path, source: str) -> dict[str, dict[str, str]]:
    """Put safetensors files in the place of the pickles in `folder`: file name to what it was made from.

    Every tensor keeps its name, type and values. Raises UserError for a file that torch's `weights_only` unpickler
    refuses, or that holds something else than tensors by name.
    """
    conversions, shards = {}, {}
    for file in sorted(path for path in folder.rglob("*.bin") if layout.PICKLE.fullmatch(path.name)):
        safe = file.with_name(layout.converted(file.name))
        tensors = _tensors(model, file, source)
        save_file(tensors, safe, metadata={"format": "pt"})
        files.as_any_other(safe)
        shards.setdefault(file.parent, {}).update({name: safe.name for name in tensors})
        conversions[safe.relative_to(folder).as_posix()] = {
            "file": file.relative_to(folder).as_posix(),
            "sha256": files.sha256(file),
            "how": "converted from a pickle",
        }
        file.unlink()
    for place, weight_map in shards.items():
        if (place / layout.PICKLE_INDEX).is_file():
            (place / layout.PICKLE_INDEX).unlink()
            files.write_json(place / layout.INDEX, {"metadata": {}, "weight_map": dict(sorted(weight_map.items()))})
    return conversions


def _tensors(model: str, file: Path, source: str) -> dict[str, torch.Tensor]:
    """The tensors of a pickle, each with memory of its own."""
    loaded = _load(model, file, source)
    others = sorted(map(str, loaded if not isinstance(loaded, dict) else _others(loaded)))
    if others or not isinstance(loaded, dict) or not loaded:
        raise UserError(
            f"model {model}: {file.name} in {source} holds more than tensors by their names"
            f" ({', '.join(others[:3]) or type(loaded).__name__}): it is a checkpoint of a training program, not the"
            " weights of a model. Save the model with `save_pretrained(<folder>)` and name that folder."
        )
    tensors, seen = {}, set()
    for name, tensor in loaded.items():
        tensor = tensor.detach().contiguous()
        shared = tensor.untyped_storage().data_ptr() in seen  # tied weights, which the format has once for each name
        tensors[name] = tensor.clone() if shared else tensor
        seen.add(tensor.untyped_storage().data_ptr())
    return tensors


def _others(loaded: dict) -> list[Any]:
    """The keys whose values are no plain tensors."""
    return [
        name
        for name, value in loaded.items()
        if not (isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized)
    ]


def _load(model: str, file: Path, source: str) -> Any:
    """What torch's `weights_only` unpickler makes of a file."""
    try:
        # Read where it lies: a shard is in memory once at most. Files from before torch 1.6 are no zip files.
        return torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except pickle.UnpicklingError as error:
        # torch's own words end in how to load it nonetheless.
        if code := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise UserError(
                f"model {model}: {file.name} in {source} is a pickle that asks for `{code[1]}`, and not for tensors"
                " alone: loading it could run code. It was not loaded. Use a source with safetensors, or none."
            ) from None
        raise _broken(model, file, source) from None
    except (EOFError, RuntimeError) as error:
        raise _broken(model, file, source) from error


def _broken(model: str, file: Path, source: str) -> UserError:
    return UserError(
        f"model {model}: {file.name} in {source} is no file of pickled weights, or a part of one is missing."
        " Was the folder cloned without Git LFS?"
    )
