"""What made an artefact: versions, commit, device. Written beside every trained or generated one."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

COMPUTING = ("torch", "transformers", "tokenizers", "sentence-transformers", "numpy", "bitsandbytes")
FINDING_AND_SCORING = ("faiss-cpu", "bm25s", "sacrebleu", "nltk", "rouge-score")
PACKAGES = (*COMPUTING, *FINDING_AND_SCORING, "snakemake")


def installed(package: str) -> str | None:
    """The package's version; a stage program runs without those that only other stages need."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def provenance() -> dict:
    """Versions of what decides a result, the checkout's commit where there is one, and the device."""
    root = Path(__file__).resolve().parents[2]
    git = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "versions": {"python": platform.python_version()} | {package: installed(package) for package in PACKAGES},
        "commit": git.stdout.strip() or None,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine() + " CPU",
        "threads": torch.get_num_threads(),
    }


def deciding(code: str) -> dict:
    """What decides a computation's numbers besides its inputs: the code, packages and kind of device.

    `code` is the stage's checksum (softshot/code.py). What is half computed is continued by the same only.
    """
    versions = {name: installed(name) for name in COMPUTING}
    return {"code": code, "versions": versions, "device": "cuda" if torch.cuda.is_available() else "cpu"}
