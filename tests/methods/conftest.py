"""Tiny models that PEFT takes too."""

import functools

import pytest
from tiny import save_tiny_model


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """A function that gives the folder of a tiny model by its name; OPT's as PEFT takes it, without projections."""
    root = tmp_path_factory.mktemp("models-for-peft")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name, projected=False)
        return root / name

    return folder
