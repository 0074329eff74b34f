"""python -m softshot.scoring: score a run of the workflow, or any system's output.

    --settings '{"metrics": [...]}' --records R.jsonl --predictions P.jsonl --out FOLDER
    --task spider --data DIR --split dev --predictions FILE

The first writes scores.json (the corpus scores, and how long the outputs are) and scores.parquet (per record the
sufficient statistics of every metric, so that the corpus score of any subset is computed from their sum). The second
prints the scores as JSON.
"""

import argparse
import json
from pathlib import Path
from typing import Annotated

from pydantic import Field

from softshot import code
from softshot.errors import run_program
from softshot.scoring import command, registry, score
from softshot.sections import Section, read
from softshot.task import Name


class Settings(Section):
    """What the stage gets of the section `scoring`: the metrics of this run's task, and the encoder if one needs it."""

    metrics: Annotated[list[Name], Field(min_length=1)]
    encoder: Path | None = None


def main() -> None:
    """Score one run of the workflow, or the output of any system."""
    parser = argparse.ArgumentParser(
        prog="softshot.scoring", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--predictions", type=Path, required=True, help="rows with id and prediction, or plain lines")
    parser.add_argument(
        "--data", nargs="?", type=Path, help="the task's folder in its official layout, or its split's file"
    )
    run = parser.add_argument_group("a run of the workflow")
    run.add_argument("--settings", type=json.loads, help="""{"metrics": [...]}, the main one first""")
    run.add_argument("--records", type=Path, help="records that were predicted (.jsonl)")
    run.add_argument("--out", type=Path, help="folder of the run")
    command.add_arguments(parser.add_argument_group("the output of any system, one prediction a line"))
    args = parser.parse_args()

    if args.settings is None and (args.records or args.out):
        parser.error("--records and --out belong to a run of the workflow: give --settings too")
    if args.settings is None:
        command.run(args)
    elif args.records is None or args.out is None:
        parser.error("--settings belongs to a run of the workflow: give --records and --out too")
    else:
        settings = read(Settings, args.settings, "--settings")
        for name in settings.metrics:
            registry.check(name)
        records, outputs = score.read_pairs(args.records, args.predictions)
        summary, rows = score.score_texts(settings.metrics, records, outputs.texts, args.data, settings.encoder)
        made_by = {"settings": args.settings, "code": code.scoring(*settings.metrics)}
        score.write(args.out, records, summary | {"outputs": outputs.facts()} | made_by, rows)


if __name__ == "__main__":
    run_program(main)
