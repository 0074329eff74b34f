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


def test_the_task_of_ones_own_is_a_possible_study_of_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").touch()
    (block,) = (block for block in BLOCKS if block.startswith("data:"))
    assert len(block.splitlines()) <= 10
    study = configuration.load(CONFIG | {"data": CONFIG["data"] | yaml.safe_load(block)["data"]})
    assert studies.evaluation(study, "reviews") == "test"
    assert studies.metrics(study, "reviews") == ["rouge_l", "bleu"]


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
