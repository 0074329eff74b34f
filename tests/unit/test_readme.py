"""README.md's examples are true: its configuration is a possible study, its commands exist."""

import re
import subprocess
import sys

import yaml
from tiny import ROOT

from softshot import configuration
from softshot import study as studies
from softshot.__main__ import COMMANDS

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [re.sub("^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n)+", README, re.M)]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def test_the_tasks_of_ones_own_are_possible_studies_of_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("reviews.csv", "SICK_train.txt", "SICK_trial.txt", "SICK_test_annotated.txt"):
        (tmp_path / name).touch()
    blocks = [block for block in BLOCKS if block.startswith("data:")]
    assert all(len(block.splitlines()) <= 10 for block in blocks)
    generated, chosen = (
        configuration.load(CONFIG | {"data": CONFIG["data"] | yaml.safe_load(block)["data"]}) for block in blocks
    )
    assert studies.evaluation(generated, "reviews") == "test"
    assert studies.metrics(generated, "reviews") == ["rouge_l", "bleu"]
    assert studies.choices(generated, "reviews") is None
    assert studies.choices(chosen, "entailment") == "same"


def test_every_command_that_the_readme_names_exists_with_its_options():
    commands = re.findall(r"^softshot (\w+)(.*)", "\n".join(BLOCKS), re.M)
    assert {name for name, _ in commands} >= {"plan", "score", "show"}
    for name, rest in commands:
        assert name in COMMANDS
        command = [sys.executable, "-m", "softshot", name]
        shown = subprocess.run([*command, "--help"], capture_output=True, text=True).stdout
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in shown, f"{name} {option}"


def test_softshot_by_itself_lists_its_commands():
    listed = subprocess.run([sys.executable, "-m", "softshot"], capture_output=True, text=True, check=True).stdout
    assert all(f"softshot {name}" in listed for name in COMMANDS)
    wrong = subprocess.run([sys.executable, "-m", "softshot", "plot"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "softshot plan" in wrong.stderr


def test_every_page_that_the_readme_links_to_exists():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link
