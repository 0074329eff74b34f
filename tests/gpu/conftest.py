"""The methods' cases and peers, on a GPU."""

import functools
import sys
from pathlib import Path

import pytest
from tiny import save_tiny_model

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "methods"))  # cases.py and loops.py


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """A function that gives the folder of a tiny model by its name; OPT's as PEFT takes it, without projections."""
    root = tmp_path_factory.mktemp("models-for-gpu")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name, projected=False)
        return root / name

    return folder
