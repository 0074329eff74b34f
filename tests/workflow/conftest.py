"""Small finished studies with a tiny random model, in a copy of the checkout; each run once for all tests here."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from checkout import copy_checkout

STUDY = yaml.safe_load((Path(__file__).parent / "study.yaml").read_text())


@dataclass
class Checkout:
    """A copy of the checkout to run Snakemake in."""

    folder: Path

    def snakemake(self, *arguments: str, study: dict = STUDY) -> subprocess.CompletedProcess:
        """Run Snakemake on a study file with this content."""
        (self.folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
        command = ["snakemake", *arguments, "--configfile", "study.yaml"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def run(self, study: dict) -> None:
        """Run a study to its end; a job that fails shows its log."""
        done = self.snakemake("--cores", str(os.cpu_count()), study=study)
        logs = (self.folder / "results" / study["study"] / "logs").rglob("*.log")
        assert done.returncode == 0, done.stderr[-3000:] + "".join(f"\n{path}:\n{path.read_text()}" for path in logs)

    def planned(self, study: dict = STUDY) -> dict[str, list[str]]:
        """What a dry run would do: rule name to the outputs of its jobs, each job by its first output."""
        done = self.snakemake("--cores", "2", "--dry-run", study=study)
        assert done.returncode == 0, done.stderr + done.stdout
        jobs: dict[str, list[str]] = {}
        for rule, output in re.findall(
            r"^(?:local)?rule (\w+):(?:\n    input: .*)?\n    output: ([^,\n]+)", done.stdout, re.M
        ):
            jobs.setdefault(rule, []).append(output)
        return jobs


def copy_of_the_checkout(folder: Path) -> Checkout:
    """The checkout's files in `folder`, and a tiny random model."""
    copy_checkout(folder)
    return Checkout(folder)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Checkout:
    """A copy of the checkout with a tiny random model beside it."""
    return copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout) -> Checkout:
    """The study of STUDY, run to its end."""
    checkout.run(STUDY)
    return checkout
