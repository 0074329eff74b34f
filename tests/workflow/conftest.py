"""Small finished studies with a tiny random model, in a copy of the checkout; each run once for all tests here."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from checkout import copy_checkout, installed
from filelock import FileLock

STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text())


class Job(NamedTuple):
    """A job of a dry run."""

    rule: str
    inputs: list[str]
    outputs: list[str]
    command: str


@dataclass
class Checkout:
    """A copy of the checkout to run Snakemake in."""

    folder: Path

    def snakemake(self, *arguments: str, study: dict | str = STUDY) -> subprocess.CompletedProcess:
        """Run Snakemake on a study file with this content."""
        text = study if isinstance(study, str) else yaml.safe_dump(study, sort_keys=False)
        (self.folder / "study.yaml").write_text(text)
        command = ["snakemake", *arguments, "--configfile", "study.yaml"]
        return subprocess.run(command, cwd=self.folder, env=installed(self.folder), capture_output=True, text=True)

    def run(self, study: dict) -> None:
        """Run a study to its end; a job that fails shows its log."""
        done = self.snakemake("--cores", str(os.cpu_count()), study=study)
        logs = (self.folder / "results" / study["study"] / "logs").rglob("*.log")
        assert done.returncode == 0, done.stderr[-3000:] + "".join(f"\n{path}:\n{path.read_text()}" for path in logs)

    def jobs(self, study: dict | str = STUDY, *arguments: str) -> list[Job]:
        """What a dry run would do."""
        done = self.snakemake("--cores", "2", "--dry-run", "--printshellcmds", *arguments, study=study)
        assert done.returncode == 0, done.stderr + done.stdout
        found = []
        for text in re.split(r"^(?=(?:local)?rule )", done.stdout, flags=re.M)[1:]:
            facts = dict(re.findall(r"^    (input|output): (.*)$", text, re.M))
            command = re.search(r"^Shell command: (.*)$", text, re.M)
            rule, files = (
                re.match(r"(?:local)?rule (\w+)", text)[1],
                {key: facts.get(key) for key in ("input", "output")},
            )
            inputs, outputs = (names.split(", ") if names else [] for names in files.values())
            found.append(Job(rule, inputs, outputs, command[1] if command else ""))
        return [job for job in found if job.rule != "all"]

    def records(self, study: dict, *arguments: str) -> str:
        """What `softshot records` prints of a study."""
        (self.folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
        command = [sys.executable, "-m", "softshot.records", "--configfile", "study.yaml", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=installed(self.folder), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def planned(self, study: dict | str = STUDY, *arguments: str) -> dict[str, list[str]]:
        """The same in short: rule name to the outputs of its jobs, each job by its first output."""
        planned: dict[str, list[str]] = {}
        for job in self.jobs(study, *arguments):
            planned.setdefault(job.rule, []).append(job.outputs[0])
        return planned


def copy_of_the_checkout(folder: Path) -> Checkout:
    """The checkout's files in `folder`, and a tiny random model."""
    copy_checkout(folder)
    return Checkout(folder)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Checkout:
    """A copy of the checkout with a tiny random model beside it."""
    return copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout, tmp_path_factory, worker_id) -> Checkout:
    """The study of STUDY, run to its end: once for all of pytest's processes, each of which has a copy to change."""
    if worker_id == "master":  # there is one
        checkout.run(STUDY)
        return checkout
    shared, own = tmp_path_factory.getbasetemp().parent / "finished", tmp_path_factory.mktemp("finished") / "checkout"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            checkout.run(STUDY)
            shutil.copytree(checkout.folder, f"{shared}.new", symlinks=True)
            Path(f"{shared}.new").rename(shared)
    shutil.copytree(shared, own, symlinks=True)
    return Checkout(own)
