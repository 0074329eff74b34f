"""Records that splits share: counted, and left out of the training records before any arm sees them."""

import json
import subprocess
import sys

import pytest
from official import job as official_job
from test_own_tasks import job, write

from softshot import catalogue, files
from softshot.data.convert import convert
from softshot.errors import UserError


def rows(*texts, summary="s {}"):
    return [{"title": "t", "text": text, "summary": summary.format(text)} for text in texts]


@pytest.fixture
def splits(tmp_path):
    """Files of a task: three test or validation inputs are training inputs, one with another output."""
    return {
        "train": write(tmp_path / "train.jsonl", rows("a", "b", "c", "d", "e")),
        "validation": write(tmp_path / "validation.jsonl", [*rows("v"), *rows("c", summary="other")]),
        "test": write(tmp_path / "test.jsonl", rows("w", " A ", "b", "v")),
    }


def converted(splits, split="train", **settings):
    """The inputs of the split, and its counts."""
    out = splits["train"].parent / "out" / f"{split}.jsonl"
    against = {name: path for name, path in splits.items() if name != "train"} if split == "train" else {}
    convert(job(**settings), split, splits.get(split, splits["train"]), out, against=against)
    return [record["input"].removeprefix("t: ") for record in files.read_jsonl(out)], files.read_json(
        out.with_suffix(".json")
    )


SHARED = [
    {"split": "validation", "of": "train", "records": 1, "same_target": 0},
    {"split": "test", "of": "train", "records": 2, "same_target": 1},  # "A" and "a" are one input, two targets
    {"split": "test", "of": "validation", "records": 1, "same_target": 1},
]


def test_training_records_with_an_input_of_another_split_are_left_out_and_counted(splits):
    inputs, counts = converted(splits)
    assert inputs == ["d", "e"]
    assert (counts["shared"], counts["dropped"], counts["records"]) == (SHARED, 3, 2)
    assert counts["against"]["test"] == {"source": "test.jsonl", "sha256": files.sha256(splits["test"])}
    inputs, counts = converted(splits, leaks="keep")
    assert inputs == ["a", "b", "c", "d", "e"]
    assert (counts["shared"], counts["dropped"]) == (SHARED, 0)


def test_ids_and_what_other_splits_hold_do_not_change(splits):
    converted(splits)
    records = files.read_jsonl(splits["train"].parent / "out/train.jsonl")
    assert [record["id"] for record in records] == ["mine-train-00003", "mine-train-00004"]
    inputs, counts = converted(splits, "test")
    assert inputs == ["w", "A", "b", "v"]
    assert "shared" not in counts


def test_a_limit_is_of_what_is_left_and_moves_nothing_that_is_dropped(splits):
    assert len(converted(splits, limit=2)[0]) == 2
    _, counts = converted(splits, limit=1)
    assert (counts["dropped"], counts["records"]) == (3, 1)


def test_carved_splits_that_share_inputs_over_groups_are_cleaned_too(tmp_path):
    """Groups are carved whole, and one input may be in two of them."""
    path = write(tmp_path / "all.jsonl", [row | {"page": page} for page in "pqrstuvw" for row in rows(page, "same")])
    settings = {"carve": {"test": 0.25}, "table": {"group": "page"}}
    inputs, counts = converted({"train": path}, **settings)
    assert "same" not in inputs and len(inputs) == 6
    assert counts["shared"] == [{"split": "test", "of": "train", "records": 2, "same_target": 2}]
    assert len(converted({"train": path}, "test", **settings)[0]) == 4


def test_no_training_record_that_is_left_is_an_error_with_the_remedy(splits):
    write(splits["test"], rows("a", "b", "c", "d", "e"))
    with pytest.raises(
        UserError, match=r"every training record has an input that is in validation, test too.*leaks: keep"
    ):
        converted(splits)
    assert not (splits["train"].parent / "out").exists()
    assert len(converted(splits, leaks="keep")[0]) == 5


def test_malformed_records_of_other_splits_are_for_their_own_conversion_to_tell(splits):
    splits["test"].write_text("{\n" + splits["test"].read_text())
    assert converted(splits)[1]["shared"] == SHARED
    with pytest.raises(UserError, match=r"test\.jsonl, line 1: not valid JSON"):
        converted(splits, "test")


def test_real_records_that_mtops_files_share(real_data, tmp_path):
    entry, out = catalogue.task_entry("mtop", {}), tmp_path / "train.jsonl"
    paths = {split: real_data / "mtop" / name for split, name in entry.files.items()}
    convert(official_job("mtop"), "train", paths.pop("train"), out, against=paths)
    counts = files.read_json(out.with_suffix(".json"))
    assert counts["shared"] == [{"split": "validation", "of": "train", "records": 2, "same_target": 1}]
    assert (counts["records"], counts["dropped"]) == (58, 2)


def test_the_program_is_told_the_other_files(splits, tmp_path):
    command = [sys.executable, "-m", "softshot.data", "convert", "--settings", json.dumps(job().model_dump())]
    command += ["--split", "train", "--source", splits["train"], "--out", tmp_path / "out.jsonl", "--downloaded"]
    command += ["--against", f"validation={splits['validation']}", f"test={splits['test']}"]
    subprocess.run(command, check=True)
    assert len(files.read_jsonl(tmp_path / "out.jsonl")) == 2
