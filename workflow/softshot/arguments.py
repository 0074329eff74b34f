"""The command line that tuning and generation share."""

import argparse
import json
from pathlib import Path


def parser(stage: str, description: str) -> argparse.ArgumentParser:
    """The options of a stage that runs a model for one run of a study."""
    options = argparse.ArgumentParser(prog=f"python -m softshot.{stage}", description=description)
    options.add_argument("--settings", required=True, type=json.loads, help=f"the {stage} slice, JSON")
    options.add_argument("--model", required=True, type=Path, help="folder of the model")
    options.add_argument("--train", required=True, type=Path, help="training records, JSONL")
    options.add_argument("--seed", type=int, default=1, help="decides every random choice (default 1)")
    options.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    options.add_argument("--out", required=True, type=Path, help=".../<model>/<task>/<arm>/<variant>/seed-<s>")
    return options
