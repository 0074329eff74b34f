"""Which files make a model: safetensors weights, configuration, tokenizer. Pickled weights are never among them."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from safetensors import SafetensorError, safe_open

from softshot import files
from softshot.errors import UserError

WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
TEXT = re.compile(r".*\.(json|txt|model|jinja)")
MODULE = re.compile(r"\d+_[A-Za-z]+")  # sentence-transformers: a folder per module, such as 1_Pooling
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def wanted(names: Iterable[str]) -> list[str]:
    """Those of a model's file names that are used, sorted. Other formats and other folders are left out."""
    chosen = []
    for name in names:
        path = PurePosixPath(name)
        placed = len(path.parts) == 1 or (len(path.parts) == 2 and MODULE.fullmatch(path.parts[0]))
        used = WEIGHTS.fullmatch(path.name) or TEXT.fullmatch(path.name)
        if placed and used and path.name != "provenance.json":
            chosen.append(name)
    return sorted(chosen)


def require(model: str, names: list[str], everything: Iterable[str], source: str) -> None:
    """Refuse a source that lacks a part; for weights the remedy depends on whether it has pickled ones.

    `names` are the files that are used, `everything` all files of the source.
    """
    if "config.json" not in names:
        raise UserError(f"model {model}: {source} has no config.json")
    if not any(WEIGHTS.fullmatch(name) for name in names):
        pickles = sorted(name for name in everything if name.endswith(PICKLES))
        if not pickles:
            raise UserError(f"model {model}: {source} has no safetensors weights (model.safetensors)")
        raise UserError(
            f"model {model}: {source} has only pickled weights ({pickles[0]}), and loading those can run code."
            " Only safetensors are used.\nEither name a revision that has them in resources/models.yaml (the hub's"
            " conversion bot opens pull requests with them: `revision: refs/pr/<number>`), or convert the weights"
            f" yourself and name the folder in config.yaml (`models: {{folders: {{{model}: <folder>}}}}`)."
        )
    if not any(name in names for name in TOKENIZERS):
        raise UserError(f"model {model}: {source} has no tokenizer ({', '.join(TOKENIZERS)})")


def check_weights(model: str, folder: Path, source: str) -> None:
    """Refuse weights with a missing part, and files that are called safetensors and are none."""
    index = folder / "model.safetensors.index.json"
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
