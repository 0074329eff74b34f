"""python -m softshot.data download --settings '<json>' --out resources/downloads/<task>
python -m softshot.data convert --settings '<json>' --split train --source <file> --out <records.jsonl>
python -m softshot.data subset --records <train.jsonl> --size 100 --seed 1 --out <records.jsonl>
python -m softshot.data without --settings '<json>' --split train --records <train.jsonl> --out <records.jsonl>
"""

import argparse
import json
from pathlib import Path

from softshot.data.convert import ConvertJob, convert
from softshot.data.download import deliver, downloaded
from softshot.data.subsets import subset
from softshot.data.without import WithoutJob, without
from softshot.errors import run_program
from softshot.sections import Section, read
from softshot.task import Name, SourceSettings


class DownloadJob(Section):
    """The files of one task: where they are and what they must be, their source, and the hub's address."""

    task: Name
    entry: SourceSettings
    source: str
    hub: str


def main() -> None:
    """Download a task's files, convert one of them to records, or take a part of these."""
    parser = argparse.ArgumentParser(prog="softshot.data", description="A task's files onto disk, and to records.")
    commands = parser.add_subparsers(dest="command", required=True)
    down = commands.add_parser("download", help="download and verify a task's files")
    down.add_argument("--settings", type=json.loads, required=True, help="task, entry, source and hub as JSON")
    down.add_argument("--out", type=Path, required=True, help="the task's folder of downloads")
    conv = commands.add_parser("convert", help="convert one file to the records of a split")
    conv.add_argument(
        "--settings",
        type=json.loads,
        required=True,
        help="task, table, carve, limit, sample_seed, malformed, leaks as JSON",
    )
    conv.add_argument("--split", choices=("train", "validation", "test", "held_out"), required=True)
    conv.add_argument("--source", type=Path, required=True, help="the split's file; train's for a carved split")
    conv.add_argument(
        "--downloaded", nargs="*", metavar="", help="checksums.json of the download, and the source it must be from"
    )
    conv.add_argument(
        "--against", nargs="*", default=[], metavar="SPLIT=FILE", help="files of other splits, for training records"
    )
    conv.add_argument("--out", type=Path, required=True, help="the records, JSON lines; the counts go beside it")
    part = commands.add_parser("subset", help="draw a part of the training records")
    part.add_argument("--records", type=Path, required=True, help="the task's training records")
    part.add_argument("--size", type=int, required=True, help="how many")
    part.add_argument("--seed", type=int, required=True, help="decides their order; a size is its beginning")
    part.add_argument("--out", type=Path, required=True, help="the records, JSON lines")
    rest = commands.add_parser("without", help="leave out the records of some groups")
    rest.add_argument("--settings", type=json.loads, required=True, help="task, by, field, held_out as JSON")
    rest.add_argument("--split", required=True, help="what the records are of")
    rest.add_argument("--records", type=Path, required=True, help="the split's records")
    rest.add_argument("--out", type=Path, required=True, help="the records, JSON lines; the counts go beside it")
    arguments = parser.parse_args()
    if arguments.command == "download":
        job = read(DownloadJob, arguments.settings, "--settings")
        deliver(job.task, job.entry, job.source, job.hub, arguments.out)
    elif arguments.command == "subset":
        subset(arguments.records, arguments.size, arguments.seed, arguments.out)
    elif arguments.command == "without":
        job = read(WithoutJob, arguments.settings, "--settings")
        without(job, arguments.split, arguments.records, arguments.out)
    else:
        job = read(ConvertJob, arguments.settings, "--settings")
        against = {split: Path(file) for split, file in (text.split("=", 1) for text in arguments.against)}
        origin = None
        for file in [*against.values(), arguments.source] if arguments.downloaded else []:
            origin = downloaded(*arguments.downloaded, file)
        convert(job, arguments.split, arguments.source, arguments.out, origin, against)


if __name__ == "__main__":
    run_program(main)
