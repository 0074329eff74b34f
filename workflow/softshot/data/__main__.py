"""python -m softshot.data download --settings '<json>' --out resources/downloads/<task>
python -m softshot.data convert --settings '<json>' --split train --source <file> --out <records.jsonl>
"""

import argparse
import json
from pathlib import Path
from typing import Any

from softshot.data.convert import convert
from softshot.data.download import download
from softshot.errors import run_program
from softshot.sections import Section, read
from softshot.settings import LimitSettings
from softshot.task import Name


class DownloadJob(Section):
    """The files of one task: its catalogue entry, and `official` or the base address of a mirror."""

    task: Name
    entry: dict[str, Any]
    source: str


class ConvertJob(Section):
    """The records of one task: how many of each split, and the seed of the sample."""

    task: Name
    limits: LimitSettings
    sample_seed: int


def main() -> None:
    """Download a task's official files, or convert one of them to records."""
    parser = argparse.ArgumentParser(prog="softshot.data", description="Official files onto disk, and to records.")
    commands = parser.add_subparsers(dest="command", required=True)
    down = commands.add_parser("download", help="download and verify a task's official files")
    down.add_argument("--settings", type=json.loads, required=True, help="task, entry and source as JSON")
    down.add_argument("--out", type=Path, required=True, help="the task's folder of downloads")
    conv = commands.add_parser("convert", help="convert one official file to records")
    conv.add_argument("--settings", type=json.loads, required=True, help="task, limits and sample_seed as JSON")
    conv.add_argument("--split", choices=("train", "validation", "test"), required=True)
    conv.add_argument("--source", type=Path, required=True, help="the official file")
    conv.add_argument("--out", type=Path, required=True, help="the records, JSON lines")
    arguments = parser.parse_args()
    if arguments.command == "download":
        job = read(DownloadJob, arguments.settings, "--settings")
        download(job.task, job.entry, job.source, arguments.out)
    else:
        job = read(ConvertJob, arguments.settings, "--settings")
        limit = getattr(job.limits, arguments.split)
        convert(job.task, arguments.split, limit, job.sample_seed, arguments.source, arguments.out)


if __name__ == "__main__":
    run_program(main)
