"""python -m softshot.scoring: score a run's predictions.

Writes `scores.json` (the corpus scores) and `scores.parquet` (per record: the sufficient statistics of every
metric, so that the corpus score of any subset is computed from their sum).
"""

import argparse
import json
from pathlib import Path
from typing import Annotated

from pydantic import Field

from softshot.errors import run_program
from softshot.scoring import registry, score
from softshot.sections import Section, read
from softshot.task import Name


class Settings(Section):
    """What the stage gets of the section `scoring`: the metrics of this run's task."""

    metrics: Annotated[list[Name], Field(min_length=1)]


def main() -> None:
    """Score one run."""
    parser = argparse.ArgumentParser(prog="softshot.scoring", description=__doc__.split("\n\n")[0])
    parser.add_argument("--settings", type=json.loads, required=True, help="""{"metrics": [...]}, the main one first""")
    parser.add_argument("--records", type=Path, required=True, help="records that were predicted (.jsonl)")
    parser.add_argument("--predictions", type=Path, required=True, help="rows with id and prediction (.jsonl)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    args = parser.parse_args()

    settings = read(Settings, args.settings, "--settings")
    metrics = [registry.metric(name) for name in settings.metrics]
    texts, references = score.read_pairs(args.records, args.predictions)
    statistics = score.statistics(metrics, texts, references)
    score.write(args.out, metrics, list(texts), statistics)


if __name__ == "__main__":
    run_program(main)
