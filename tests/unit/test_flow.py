"""What jobs read: inputs that some rule makes, or that are the user's own; and which runs tune in their own folder.

python -m pytest tests/unit/test_flow.py
"""

import re

import pytest
import yaml
from tiny import ROOT

from softshot import configuration, flow, slices
from softshot.grid import runs, tuners

PUBLISHED = yaml.safe_load((ROOT / "config.yaml").read_text())


def study(**sections):
    """The published study with some sections, or keys of them, of its own."""
    merged = {name: PUBLISHED[name] | keys if isinstance(keys, dict) else keys for name, keys in sections.items()}
    return configuration.load(PUBLISHED | merged)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A study of a task of the user's own, in one file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("text,summary\n")
    reviews = {
        "files": {"train": "reviews.csv"},
        "carve": {"validation": 0.1, "test": 0.1},
        "table": {"input": "{text}", "target": "{summary}"},
        "metrics": ["bleu"],
    }
    return study(
        data={"tasks": ["reviews"], "own": {"reviews": reviews}}, transfer={"arms": []}, tuning={"overrides": []}
    )


def test_a_download_is_a_folder_and_a_job_finds_its_files_where_the_storage_put_it():
    inputs = flow.conversion_input(study(), "spider", "train")
    assert inputs == {"downloads": ["resources/downloads/spider"], "files": []}
    name = flow.source_file(study(), "spider", "train").removeprefix("resources/downloads/spider/")
    assert flow.source_file(study(), "spider", "train", "/storage/spider") == f"/storage/spider/{name}"


def test_a_split_without_a_file_is_carved_from_the_training_file(own):
    for split in ("train", "validation", "test"):
        inputs = flow.conversion_input(own, "reviews", split)
        assert inputs == {"downloads": [], "files": ["reviews.csv"]}
    assert flow.source_file(own, "reviews", "test", "/storage/reviews") == "reviews.csv"


def test_training_records_are_held_against_the_files_of_the_other_splits():
    local = study(data={"source": str(ROOT / "tests/data")})
    files = flow.conversion_input(local, "mtop", "train")["files"]
    assert files[0] == flow.source_file(local, "mtop", "train")
    assert {flow.source_file(local, "mtop", split) for split in ("validation", "test")} < set(files)
    assert flow.conversion_input(local, "mtop", "test")["files"] == [flow.source_file(local, "mtop", "test")]


def test_scoring_reads_the_tasks_folder_only_where_a_metric_does():
    official, local = study(), study(data={"source": str(ROOT / "tests/data")})
    for settings, own in ((official, False), (local, True)):
        for run in runs(settings):
            inputs = flow.scoring_input(settings, run)
            folder = [flow.task_folder(settings, run.task)] if run.task == "spider" else []
            assert (inputs["data"], inputs["folder"]) == (([], folder) if own else (folder, []))


def test_a_model_of_ones_own_is_its_files_and_the_catalogues_is_none(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}')
    mine = study()
    mine.models.folders["mine"] = str(tmp_path)
    assert flow.model_files(mine, "mine") == [str(tmp_path / "config.json")]
    assert flow.model_files(mine, "gpt2-xl") == []
    assert slices.model_slice(mine, "mine")["hub"] == ""
    assert slices.model_slice(mine, "gpt2-xl")["hub"] == mine.models.hub


def test_each_tuned_run_is_in_the_folders_of_one_rule():
    """A transfer is tuned elsewhere, a full model is temporary, and what is only shown is not tuned."""
    arms = PUBLISHED["arms"] | {"full": {"method": "full"}, "l.a": {"method": "lora", "rank": [4]}}
    mixed = study(arms=arms, tuning={"overrides": []})
    kept, temporary = (re.compile(flow.tuned_folders(mixed, large)) for large in (False, True))
    tuned = {run.path for run in tuners(mixed)}
    assert {run.arm for run in tuners(mixed)} == {"pt", "ipt", "full", "l.a"}
    for run in [*runs(mixed), *tuners(mixed)]:
        rules = [bool(pattern.fullmatch(run.path)) for pattern in (kept, temporary)]
        assert rules == ([run.arm != "full", run.arm == "full"] if run.path in tuned else [False, False])
    assert not kept.fullmatch("gpt2-xl/dart/lxa/rank-4/seed-1"), "a label is no pattern"
    assert not re.fullmatch(flow.tuned_folders(study(), True), "gpt2-xl/dart/pt/tokens-25/seed-1")


def test_a_download_depends_on_its_source_alone():
    official, hub, mirror = (
        slices.download_slice(study(data={"tasks": ["mtop"], "source": source}, transfer={"arms": []}), "mtop")
        for source in ("official", "hub", "https://mirror.example/data")
    )
    assert official["hub"] == mirror["hub"] == "" and hub["hub"] == PUBLISHED["data"]["hub"]
    assert "hub" in hub["entry"] and "hub" not in official["entry"]
    assert official["entry"] == mirror["entry"] and official["source"] != mirror["source"]
