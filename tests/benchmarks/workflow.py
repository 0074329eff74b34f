"""What Snakemake takes for a dry run and for a run with nothing to do, against the number of jobs.

    python tests/benchmarks/workflow.py [--times 1 10] [--repeats 3] [--out FOLDER]

The published study (config.yaml) and ones of so many `times` its seeds, beside a bare Snakefile of three rules with as
many jobs: `tune`, `generate` and `score` of each run with one file in and out and nothing else. Nothing is computed:
for the run with nothing to do, every file is made as its job would leave it, with its record, and Snakemake's own notes
are those of `snakemake --touch`. Seconds are those of the processor, which a busy machine changes little, the least of
the repeats; the two kinds of Snakefile take turns.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from tables import markdown

from softshot import configuration, flow, recorded
from softshot.configfiles import merged
from softshot.files import write_json
from softshot.grid import runs, tuners
from softshot.plan.__main__ import jobs
from softshot.settings import Study

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("softshot", "bare")
BARE = """
rule all:
    input:
        [f"results/{n}/scores.json" for n in range(int(config["runs"]))],

rule tune:
    output:
        "results/{run}/tuning.json",
    shell:
        "touch {output}"

rule generate:
    input:
        "results/{run}/tuning.json",
    output:
        "results/{run}/run.json",
    shell:
        "touch {output}"

rule score:
    input:
        "results/{run}/run.json",
    output:
        "results/{run}/scores.json",
    shell:
        "touch {output}"
"""


# Snakemake's `--touch`, which notes what it takes for done, waits a tenth of a second after each job.
TOUCH = "import sys, time; time.sleep = lambda _: None; from snakemake.cli import main; main()"


class Cost(NamedTuple):
    """What a command took: seconds of the processor, MB at most."""

    seconds: float
    megabytes: float


class Subject(NamedTuple):
    """A workflow that is measured: where its results are, and how Snakemake is called for it."""

    folder: Path
    arguments: list[str]


def cost(subject: Subject, *arguments: str) -> Cost:
    """Run Snakemake and measure it."""
    command = ["snakemake", "--cores", "1", "--quiet", "all", *subject.arguments, *arguments]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=subject.folder, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.exit(log.read())
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def touch(subject: Subject) -> None:
    """Make Snakemake's notes on files that are there."""
    # As many at once as there are: choosing the next job among thousands takes Snakemake a tenth of a second.
    command = [sys.executable, "-c", TOUCH, "--touch", "--cores", "10000", "--quiet", "all", *subject.arguments]
    subprocess.run(command, cwd=subject.folder, check=True, capture_output=True)


def softshot(folder: Path, times: int) -> tuple[Subject, Study]:
    """The published study with so many times the seeds, in a folder of its own."""
    folder.mkdir(parents=True)
    seeds = yaml.safe_load((ROOT / "config.yaml").read_text())["seeds"]
    (folder / "seeds.yaml").write_text(yaml.safe_dump({"seeds": list(range(1, len(seeds) * times + 1))}))
    study = configuration.load(merged([ROOT / "config.yaml", folder / "seeds.yaml"]))
    return Subject(folder, ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "seeds.yaml"]), study


def bare(folder: Path, number: int) -> Subject:
    """The bare Snakefile with so many runs."""
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(BARE)
    return Subject(folder, ["--config", f"runs={number}"])


def outputs(study: Study) -> Iterator[str]:
    """Every file and folder that the study's jobs would write, in an order in which they could."""
    for task in study.data.tasks:
        yield flow.task_folder(study, task)
    yield from flow.prepared(study)
    for run in tuners(study):
        yield from (f"{flow.run_folder(study, run)}/{name}" for name in flow.TUNED)
    for run in runs(study):
        yield from (f"{flow.run_folder(study, run)}/{name}" for name in (*flow.PREDICTED, *flow.SCORED))
    yield from (f"{flow.results(study)}/{name}" for name in ("study.json", *recorded.REPORT))


def finish(folder: Path, study: Study) -> None:
    """Make a study look finished: its files, with records that say what they must."""
    for name in outputs(study):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.touch()
        else:
            path.mkdir(exist_ok=True)
    for expected in recorded.expectations(study, str(folder / flow.results(study))):
        write_json(Path(expected.record), expected.says())


def finish_bare(folder: Path, number: int) -> None:
    """The same for the bare Snakefile, without records."""
    for run in range(number):
        place = folder / f"results/{run}"
        place.mkdir(parents=True)
        for name in ("tuning.json", "run.json", "scores.json"):
            (place / name).touch()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", nargs="+", type=int, default=[1, 10], help="seeds, as many times the study's")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for workflow.json")
    args = parser.parse_args()
    rows, measured = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for times in args.times:
            ours, study = softshot(Path(temporary) / f"softshot-{times}", times)
            number = sum(jobs(study).values())
            theirs = bare(Path(temporary) / f"bare-{times}", number // 3)
            for what in ("dry run", "nothing to do"):
                if what == "nothing to do":
                    finish(ours.folder, study)
                    finish_bare(theirs.folder, number // 3)
                    touch(ours)
                    touch(theirs)
                pairs = [(cost(ours, "--dry-run"), cost(theirs, "--dry-run")) for _ in range(args.repeats)]
                costs = [min(several) for several in zip(*pairs, strict=True)]
                measured.append(
                    {"what": what, "jobs": number} | dict(zip(NAMES, map(Cost._asdict, costs), strict=True))
                )
                seconds = [f"{cost.seconds:.1f} s" for cost in costs]
                memory = [f"{cost.megabytes:.0f} MB" for cost in costs]
                rows.append([what, f"{number:,}", *seconds, f"{costs[0].seconds / costs[1].seconds:.2f}", *memory])
                print(*rows[-1], file=sys.stderr, flush=True)
    print(markdown(["", "jobs", *NAMES, "ratio", *NAMES], rows))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "workflow.json", measured)


if __name__ == "__main__":
    main()
