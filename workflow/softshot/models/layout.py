"""Which files make a model: weights, configuration, tokenizer. Pickled weights only where there are no safetensors."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from safetensors import SafetensorError, safe_open

from softshot import files
from softshot.errors import UserError
from softshot.models import architectures

WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
PICKLE = re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin")  # converted before use (pickles.py)
INDEX, PICKLE_INDEX = "model.safetensors.index.json", "pytorch_model.bin.index.json"
TEXT = re.compile(r".*\.(json|txt|model|jinja)")
MODULE = re.compile(r"\d+_[A-Za-z]+")  # sentence-transformers: a folder per module, such as 1_Pooling
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
OTHERS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".gguf", ".onnx", ".npz", ".safetensors")


def wanted(names: Iterable[str]) -> list[str]:
    """Those of a model's file names that are used, sorted. Other formats and other folders are left out."""
    chosen = [path for path in map(PurePosixPath, names) if _used(path)]
    safe = {path.parent for path in chosen if WEIGHTS.fullmatch(path.name)}
    return sorted(str(path) for path in chosen if path.parent not in safe or not path.name.startswith("pytorch_model"))


def _used(path: PurePosixPath) -> bool:
    """Whether a file is of a kind that is used, in the model's folder or that of a module."""
    placed = len(path.parts) == 1 or (len(path.parts) == 2 and MODULE.fullmatch(path.parts[0]))
    kinds = (WEIGHTS, PICKLE, TEXT)
    return bool(placed and path.name != "provenance.json" and any(kind.fullmatch(path.name) for kind in kinds))


def is_weights(name: str) -> bool:
    """Whether a file that is used holds weights: it is large, and the others can be checked before it is there."""
    return bool(WEIGHTS.fullmatch(PurePosixPath(name).name) or PICKLE.fullmatch(PurePosixPath(name).name))


def converted(pickle: str) -> str:
    """The name of the safetensors file that a pickle becomes."""
    return pickle.replace("pytorch_model", "model").removesuffix(".bin") + ".safetensors"


def require(model: str, names: list[str], everything: Iterable[str], source: str) -> None:
    """Refuse a source that lacks a part; for weights the remedy depends on what it has in their place.

    `names` are the files that are used, `everything` all files of the source.
    """
    if "config.json" not in names:
        adapter = f" It {architectures.ADAPTER}" if "adapter_config.json" in names else ""
        raise UserError(f"model {model}: {source} has no config.json.{adapter}")
    if not any("/" not in name and is_weights(name) for name in names):
        others = sorted(name for name in everything if name.endswith(OTHERS))
        if not others:
            raise UserError(f"model {model}: {source} has no weights (model.safetensors)")
        raise UserError(
            f"model {model}: {source} has weights of another kind only ({others[0]}); softshot reads model.safetensors,"
            " and pytorch_model.bin, which it converts.\nEither name a revision that has them in resources/models.yaml"
            " (`revision: refs/pr/<number>`), or save the model with `save_pretrained(<folder>)` and name that folder"
            f" (config.yaml: `models: {{folders: {{{model}: <folder>}}}}`)."
        )
    if not any(name in names for name in TOKENIZERS):
        raise UserError(f"model {model}: {source} has no tokenizer ({', '.join(TOKENIZERS)})")


def check_shards(model: str, folder: Path, source: str) -> None:
    """Refuse weights with a missing part, and files that are called safetensors and are none."""
    for index in (folder / INDEX, folder / PICKLE_INDEX):
        shards = files.read_json(index).get("weight_map", {}).values() if index.is_file() else []
        missing = sorted({shard for shard in shards if not (folder / shard).is_file()})
        if missing:
            raise UserError(f"model {model}: {source} lacks {', '.join(missing)}, named in {index.name}")
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy"):
                pass
        except SafetensorError as error:
            raise UserError(
                f"model {model}: {file.name} in {source} is not a safetensors file ({error})."
                " Was the folder cloned without Git LFS?"
            ) from None


def verify(folder: Path) -> None:
    """Refuse a fetched model whose small files are not those that provenance.json lists: a vocabulary cut between
    two lines still loads. Weights say themselves how long they are, and are too large to be read twice.
    """
    note = folder / "provenance.json"
    listed = files.read_json(note).get("files", {}) if note.is_file() else {}
    for name, recorded in listed.items():
        file = folder / name
        if not file.is_file() or (not WEIGHTS.fullmatch(file.name) and files.sha256(file) != recorded):
            raise UserError(
                f"{file} is not the file that was fetched, by provenance.json: delete {note} and run again."
            )
