"""Snakemake as people call it: values on the command line, other folders, targets of other studies."""

import copy
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from changes import STUDY
from checkout import installed
from conftest import Checkout


def snakemake(checkout: Checkout, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Snakemake of a checkout, called in another folder."""
    command = ["snakemake", "--snakefile", str(checkout.folder / "Snakefile"), "--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, env=installed(checkout.folder), capture_output=True, text=True)


def printed(done: subprocess.CompletedProcess) -> str:
    """What the person saw: a dry run prints its errors on standard output."""
    return done.stdout + done.stderr


def test_values_in_lists_and_mappings_are_read_as_yaml(finished):
    changes = ["--config", "seeds=[1]", "methods={prompt-tuning: {learning_rate: 0.5}}", "generation={beams: 2}"]
    planned = finished.planned(STUDY, *changes)
    assert {rule: len(outputs) for rule, outputs in planned.items()} == {
        "tune": 2,
        "generate": 4,
        "score": 4,
        "analyse": 1,
    }
    done = finished.snakemake("--cores", "1", "--dry-run", "--config", "seeds=[1, x]")
    assert done.returncode != 0 and "seeds.1: Input should be a valid integer (you wrote 'x')" in printed(done)


def test_a_section_that_stands_twice_is_an_error(finished):
    text = yaml.safe_dump(STUDY) + "tuning: {clip: 2.0}\n"
    done = finished.snakemake("--cores", "1", "--dry-run", study=text)
    assert done.returncode != 0
    assert "study.yaml: `tuning` stands there twice" in printed(done)


def test_a_target_of_another_study_is_refused_and_nothing_is_touched(finished):
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")}
    for target in ("results/tiny/report.html", "results/tiny/runs/tiny/mtop/pt/tokens-3/seed-1/scores.json"):
        done = finished.snakemake("--cores", "1", target, study=STUDY | {"study": "other"})
        assert done.returncode != 0
        assert f"No rule to produce {target}" in printed(done)
    assert {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")} == before


def test_a_run_that_the_study_lacks_is_refused_with_those_like_it(finished):
    done = finished.snakemake("--cores", "1", "--dry-run", "results/tiny/runs/tiny/mtop/pt/tokens-3/seed-9/scores.json")
    assert done.returncode != 0
    assert "pt/tokens-3/seed-9: study tiny has no such run. It has: tiny/mtop/pt/tokens-3/seed-" in printed(done)


def test_arms_that_run_unasked_are_told(finished):
    study = STUDY | {"arms": {"pt": {"tokens": [3]}, "ipt": {"tokens": []}}}
    done = finished.snakemake("--cores", "1", "--dry-run", study=study)
    assert done.returncode == 0, done.stderr
    assert "arms of config.yaml that your study does not name run too: icl (" in printed(done)
    assert "does not name run too" not in printed(finished.snakemake("--cores", "1", "--dry-run"))


def elsewhere(checkout: Checkout, folder: Path) -> Path:
    """A study file in a folder of its own, which names the checkout's things by their whole paths."""
    study = copy.deepcopy(STUDY) | {"arms": {"icl": {"demonstrations": ["bm25-1"]}, "pt": {"tokens": []}}}
    study["arms"]["ipt"] = {"tokens": []}
    study["models"] = {"use": ["tiny"], "folders": {"tiny": str(checkout.folder / "tiny-model")}}
    study["data"]["source"] = str(checkout.folder / "resources/demo/data")
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


@pytest.mark.long
def test_results_and_downloads_go_to_another_folder_and_the_checkout_stays_as_it_is(finished, tmp_path):
    study = elsewhere(finished, tmp_path)
    before = set(finished.folder.rglob("*"))
    done = snakemake(finished, tmp_path, "--configfile", study.name)
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "results/tiny/report.html").read_text()
    assert (tmp_path / "resources/models/tiny/provenance.json").is_file()
    assert {path for path in set(finished.folder.rglob("*")) - before if "__pycache__" not in path.parts} == set()
    again = snakemake(finished, finished.folder, "--directory", str(tmp_path), "--configfile", str(study), "--dry-run")
    assert "Nothing to be done" in again.stdout, again.stdout + again.stderr


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(finished, tmp_path):
    if os.geteuid() == 0:
        folder = tmp_path / "disk"
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
        if subprocess.run(["mount", *options], capture_output=True).returncode:
            pytest.skip("root can write everywhere here, and mount nothing")
    else:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o555)
    try:
        done = snakemake(finished, folder, "--dry-run")
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)
    assert done.returncode != 0
    assert f"{folder} cannot be written: with --directory, results and downloads go to another folder" in printed(done)


def test_the_package_of_another_checkout_is_refused(finished, tmp_path):
    shutil.copytree(finished.folder / "workflow/softshot", tmp_path / "workflow/softshot")
    command = ["snakemake", "--snakefile", str(finished.folder / "Snakefile"), "--cores", "1", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, env=installed(tmp_path), capture_output=True, text=True)
    assert done.returncode != 0
    assert f"This Python's softshot is that of {tmp_path}. `make setup` in {finished.folder}" in printed(done)
