"""README.md's examples are true: its configuration is a possible study, its commands exist."""

import re
import subprocess
import sys

import yaml
from tiny import ROOT

from softshot import study as studies

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [re.sub("^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n)+", README, re.M)]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def test_the_task_of_ones_own_is_a_possible_study_of_ten_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").touch()
    (block,) = (block for block in BLOCKS if block.startswith("data:"))
    assert len(block.splitlines()) <= 10
    study = studies.load(CONFIG | {"data": CONFIG["data"] | yaml.safe_load(block)["data"]})
    assert studies.evaluation(study, "reviews") == "test"
    assert studies.metrics(study, "reviews") == ["rouge_l", "bleu"]


def test_every_option_of_a_stage_program_that_the_readme_names_exists():
    commands = re.findall(r"python -m (softshot\.\w+)(.*)", "\n".join(BLOCKS))
    assert {name for name, _ in commands} == {"softshot.plan", "softshot.scoring", "softshot.demonstrations"}
    for name, rest in commands:
        shown = subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, check=True)
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in shown.stdout, f"{name} {option}"


def test_every_page_that_the_readme_links_to_exists():
    for link in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / link).exists(), link
