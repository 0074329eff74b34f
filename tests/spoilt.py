"""Folders of models to be spoilt and then fetched, as the job fetches them."""

from pathlib import Path

from safetensors.torch import load_file, save_file

from softshot.models.fetch import fetch


def fetch_folder(source: Path, tmp_path: Path) -> Path:
    """The model's folder, made from the user's."""
    fetch("mine", {"kind": "folder", "path": str(source)}, "", tmp_path / "models" / "mine")
    return tmp_path / "models" / "mine"


def rename(source, change):
    """Give every tensor the name that `change` makes of its own; none for None."""
    file = source / "model.safetensors"
    tensors = {change(name): tensor for name, tensor in load_file(file).items()}
    tensors.pop(None, None)
    save_file(tensors, file, metadata={"format": "pt"})
