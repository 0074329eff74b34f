"""Fixtures shared by all tests: tiny real models, real records, a study half done, and waits that are not waited."""

import functools
import os
import sys
from pathlib import Path

import pytest
from tiny import ARCHITECTURES, ROOT, save_tiny_model

sys.path.insert(0, str(ROOT / "workflow"))
os.environ["PYTHONPATH"] = str(ROOT / "workflow")  # for programs that tests start, wherever softshot is
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # Snakemake, this python
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # several tests run at once; waiting threads are slower than one


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A few real records of every task in the official layout; tests/data/README.md says where they are from."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    """Folder of a tiny random model per architecture."""
    root = tmp_path_factory.mktemp("models")
    for architecture in ARCHITECTURES:
        save_tiny_model(architecture, root / architecture)
    return {architecture: root / architecture for architecture in ARCHITECTURES}


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """A function that gives the folder of a tiny model by its name; OPT's as PEFT takes it, without projections."""
    root = tmp_path_factory.mktemp("models-for-peft")

    @functools.cache
    def folder(name):
        save_tiny_model(name, root / name, projected=False)
        return root / name

    return folder


@pytest.fixture(params=ARCHITECTURES)
def base(request, tiny_models):
    """A loaded tiny model; a test that asks for it runs on all four architectures."""
    from softshot.engine.base import load

    return load(tiny_models[request.param])


@pytest.fixture
def sleeps(monkeypatch):
    """The waits that were asked for; none is waited."""
    asked = []
    monkeypatch.setattr("time.sleep", asked.append)
    return asked


@pytest.fixture(scope="session")
def half_done(tmp_path_factory) -> tuple[Path, str]:
    """The synthetic study with some runs missing, analysed: its folder, and what was printed."""
    from synthetic import analyse, study_of, write_study

    folder = tmp_path_factory.mktemp("results") / "trial"
    write_study(folder, study_of())
    return folder, analyse(folder, study_of())
