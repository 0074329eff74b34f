"""python -m softshot.models --settings '<json>' --out resources/models/<name>

The settings: {"name": ..., "entry": the model's entry in resources/models.yaml, "hub": the hub's address}.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from softshot.errors import run_program
from softshot.models.fetch import fetch
from softshot.sections import Section, read
from softshot.task import Name


class ModelJob(Section):
    """One model to put on disk."""

    name: Name
    entry: dict[str, Any]
    hub: str


def main() -> None:
    """Put one model in its folder."""
    parser = argparse.ArgumentParser(prog="softshot.models", description="Put a model on disk as safetensors.")
    parser.add_argument("--settings", type=json.loads, required=True, help="name, entry and hub as JSON")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    arguments = parser.parse_args()
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # no progress bars in a log file
    job = read(ModelJob, arguments.settings, "--settings")
    fetch(job.name, job.entry, job.hub, arguments.out)


if __name__ == "__main__":
    run_program(main)
