"""A copy of the checkout, with what is not committed yet, to run Snakemake in."""

import os
import shutil
import subprocess
from pathlib import Path

from tiny import ROOT, save_tiny_model


def copy_checkout(folder: Path) -> None:
    """Copy the files that git tracks or would track, and put a tiny model into `tiny-model`."""
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    save_tiny_model("llama", folder / "tiny-model")


def softshot_of(folder: Path) -> dict[str, str]:
    """What an environment needs so that its Python has the softshot of a checkout, as if installed from there."""
    return {"PYTHONPATH": str(folder / "workflow")}


def installed(folder: Path) -> dict[str, str]:
    """This environment, with the softshot of a checkout."""
    return os.environ | softshot_of(folder)
