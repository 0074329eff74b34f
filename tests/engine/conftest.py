"""Tiny models of more architectures than the four on which everything is tested, each loaded once."""

import functools

import pytest
from plain import load_plain
from tiny import save_tiny_model


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A function that gives the folder of a tiny model by its name in `tiny.CONFIGS`."""
    root = tmp_path_factory.mktemp("architectures")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name)
        return root / name

    return folder


@pytest.fixture(scope="session")
def architecture(tiny_folder):
    """A function that gives a model as softshot has it and as transformers has it, by its name."""
    from softshot.engine.base import load

    @functools.cache
    def pair(name):
        return load(tiny_folder(name)), load_plain(tiny_folder(name))

    return pair
