"""What Snakemake takes for a dry run and for a run with nothing to do, against the number of jobs.

    python tests/benchmarks/workflow.py [--times 1 10] [--repeats 3] [--out FOLDER]

The published study (config.yaml) and ones of so many `times` its seeds, beside a bare Snakefile of three rules with as
many jobs: `tune`, `generate` and `score` of each run with one file in and out and nothing else. Nothing is computed:
for the run with nothing to do, every file is made as its job would leave it, with its record, and Snakemake's own notes
are those of `snakemake --touch`. Seconds are those of the processor, which a busy machine changes little, the least of
the repeats; the two kinds of Snakefile take turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from tables import markdown

from softshot import configuration, recorded
from softshot import study as studies
from softshot.files import write_json
from softshot.plan.__main__ import jobs, merged

ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "Snakefile",
    "config.yaml",
    "workflow",
    "envs",
    "resources/models.yaml",
    "resources/tasks.yaml",
    "resources/published",
)
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


def cost(folder: Path, *arguments: str) -> Cost:
    """Run Snakemake and measure it."""
    command = ["snakemake", "--cores", "1", "--quiet", "all", *arguments]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            log.seek(0)
            sys.exit(log.read())
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def touch(folder: Path, *arguments: str) -> None:
    """Make Snakemake's notes on files that are there."""
    # As many at once as there are: choosing the next job among thousands takes Snakemake a tenth of a second.
    command = [sys.executable, "-c", TOUCH, "--touch", "--cores", "10000", "--quiet", "all", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def softshot_folder(folder: Path, times: int) -> tuple[Path, int]:
    """A checkout without results whose study has so many times the seeds; how many jobs it has."""
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    (folder / "config.yaml").unlink()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["seeds"] = list(range(1, len(config["seeds"]) * times + 1))
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return folder, sum(jobs(configuration.load(config)).values())


def bare_folder(folder: Path) -> Path:
    """The bare Snakefile."""
    folder.mkdir(parents=True)
    (folder / "Snakefile").write_text(BARE)
    return folder


def outputs(folder: Path) -> Iterator[Path]:
    """Every file that the study's jobs would write, in an order in which they could."""
    study = configuration.load(merged([folder / "config.yaml"]))
    needed, results = studies.needed(study), folder / "results" / study.study
    for name in needed.models:
        yield folder / f"resources/models/{name}/provenance.json"
    for task in study.data.tasks:
        yield folder / f"resources/downloads/{task}/checksums.json"
    for task, split in needed.splits:
        yield from (results / f"data/{task}/{split}{end}" for end in (".jsonl", ".json"))
    for task, encoder, split in needed.vectors:
        yield from (results / f"demonstrations/{task}/embeddings/{encoder}/{split}{end}" for end in (".npy", ".json"))
    for task, place, _, split in needed.tables:
        yield from (results / f"demonstrations/{task}/{place}/{split}{end}" for end in (".parquet", ".json"))
    for expected in recorded.runs_of(study, str(results)):
        yield from (Path(expected.record).parent / name for name in expected.files)
        yield Path(expected.record)


def finish(folder: Path) -> None:
    """Make a study look finished: its files, with records that say what they must, and Snakemake's notes."""
    for path in outputs(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    study = configuration.load(merged([folder / "config.yaml"]))
    results = folder / "results" / study.study
    for expected in recorded.expectations(study, str(results)):
        write_json(Path(expected.record), expected.says())
    for name in studies.needed(study).models:
        entry = json.loads(json.dumps(recorded.catalogue.model_entry(name, study.models.folders)))
        source = f"package {entry['package']}" if "package" in entry else f"https://huggingface.co/{entry['hub']}"
        write_json(folder / f"resources/models/{name}/provenance.json", {"source": source})


def finish_bare(folder: Path, runs: int) -> None:
    """The same for the bare Snakefile, without records."""
    for run in range(runs):
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
    rows, found = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for times in args.times:
            folder, number = softshot_folder(Path(temporary) / f"softshot-{times}", times)
            bare, runs = bare_folder(Path(temporary) / f"bare-{times}"), number // 3
            for what in ("dry run", "nothing to do"):
                if what == "nothing to do":
                    finish(folder)
                    finish_bare(bare, runs)
                    touch(folder)
                    touch(bare, "--config", f"runs={runs}")
                pairs = [
                    (cost(folder, "--dry-run"), cost(bare, "--dry-run", "--config", f"runs={runs}"))
                    for _ in range(args.repeats)
                ]
                ours, theirs = (min(several) for several in zip(*pairs, strict=True))
                found.append({"what": what, "jobs": number, "softshot": ours._asdict(), "bare": theirs._asdict()})
                ratio = ours.seconds / theirs.seconds
                cells = [f"{number:,}", f"{ours.seconds:.1f} s", f"{theirs.seconds:.1f} s", f"{ratio:.2f}"]
                rows.append([what, *cells, f"{ours.megabytes:.0f} MB", f"{theirs.megabytes:.0f} MB"])
                print(*rows[-1], file=sys.stderr, flush=True)
    print(markdown(["", "jobs", "softshot", "bare", "ratio", "softshot", "bare"], rows))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        write_json(args.out / "workflow.json", found)


if __name__ == "__main__":
    main()
