"""The published study, config.yaml as it is, resolves without network or data."""

import re
import subprocess

from tiny import ROOT

RUNS = (
    3 * 5 * (3 + 1 + 1 + 3 * 8 + 3 * 8)
)  # models, tasks, (random ICL per seed, two retrieved ICL, PT, IPT per length)
TRANSFERS = 3 * 5 * 4 * 3  # models, targets, sources, seeds; with prompts that PT tunes anyway


def test_the_dry_run_of_the_published_study_has_every_run_of_every_task(tmp_path):
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--dry-run", "--quiet", "rules", "--cores", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.M))
    assert jobs["model"] == "4", "three models and the encoder"
    assert jobs["download"] == "5"
    assert jobs["convert"] == str(5 * 3), "train, and two splits to choose and to score on"
    assert jobs["tune"] == str(3 * 5 * 8 * 2 * 3)
    assert jobs["generate"] == jobs["score"] == str(RUNS + TRANSFERS)
    assert jobs["analyse"] == "1"
