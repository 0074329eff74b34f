"""Samples of a split, and splits carved from the training file."""

import pytest
from official import DART, changed, job, write

from softshot import catalogue, files
from softshot.data.convert import convert
from softshot.data.splits import choose, sample
from softshot.errors import UserError


def test_a_sample_is_the_same_everywhere_keeps_the_order_and_grows():
    assert sample(10, 4, "0-dart-train") == [0, 3, 7, 8]
    assert sample(10, None, "0-dart-train") == list(range(10))
    assert sample(10, 99, "0-dart-train") == list(range(10))
    assert sample(100, 50, "1-dart-train") != sample(100, 50, "0-dart-train")
    assert set(sample(100, 10, "s")) < set(sample(100, 20, "s"))


def parts(inputs, carve, limit=None, seed=0):
    """The positions of every split that is carved from these inputs, train among them."""
    return {split: choose(iter(inputs), "dart", split, carve, limit, seed) for split in ("train", *carve)}


def test_carved_splits_divide_the_inputs_and_keep_equal_ones_together():
    inputs = [f"Input {number % 500}" if number < 500 else f" input  {number % 500}\n" for number in range(1000)]
    carve = {"held_out": 0.1, "validation": 0.25}
    found = parts(inputs, carve)
    assert sorted(position for part in found.values() for position in part) == list(range(1000))
    assert {split: len(part) for split, part in found.items()} == {"train": 650, "held_out": 100, "validation": 250}
    for part in found.values():
        assert {position % 500 for position in part} == {position - 500 for position in part if position >= 500}
    assert found == parts(inputs, {"validation": 0.25, "held_out": 0.1})
    assert found != parts(inputs, carve, seed=1)
    limited = parts(inputs, carve, limit=20)
    assert all(limited[split] < part and len(limited[split]) == 20 for split, part in found.items())
    shuffled = inputs[::-1]  # membership is the input's, not the position's
    assert {shuffled[position] for position in parts(shuffled, carve)["held_out"]} == {
        inputs[position] for position in found["held_out"]
    }


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_every_carved_split_gets_a_record_where_there_are_enough_inputs(share):
    assert sorted(map(len, parts(["a", "b", "B "], {"held_out": share}).values())) == [1, 2]
    three = parts(["a", "b", "c"], {"held_out": share / 2, "validation": share / 2})
    assert [len(part) for part in three.values()] == [1, 1, 1]


def test_too_few_inputs_to_carve_from_are_an_error(tmp_path):
    source = write(tmp_path, "dart", [DART, DART])
    with pytest.raises(UserError, match="no record for held_out: it has too few different inputs to carve held_out"):
        convert(job("dart", carve={"held_out": 0.5}), "held_out", source, tmp_path / "held_out.jsonl")


def test_carved_and_limited_records_are_those_of_the_whole_file_in_its_order(tmp_path):
    source = write(tmp_path, "dart", [changed(DART, "tripleset", 0, 0, f"subject {n}") for n in range(100)])
    whole, train, held_out = tmp_path / "whole.jsonl", tmp_path / "train.jsonl", tmp_path / "held_out.jsonl"
    carve = {"held_out": 0.2}
    convert(job("dart"), "train", source, whole)
    convert(job("dart", carve=carve, limit=30), "train", source, train)
    convert(job("dart", carve=carve), "held_out", source, held_out)
    everything = files.read_jsonl(whole)
    chosen = {record["id"] for record in files.read_jsonl(train)}
    assert len(chosen) == 30
    assert files.read_jsonl(train) == [record for record in everything if record["id"] in chosen]
    held = [record["id"] for record in files.read_jsonl(held_out)]
    assert len(held) == 20
    assert held == sorted(held)
    assert not {name.replace("held_out", "train") for name in held} & chosen
    convert(job("dart", carve=carve), "test", source, tmp_path / "test.jsonl")  # has a file of its own
    assert len(files.read_jsonl(tmp_path / "test.jsonl")) == 100
    assert (
        files.read_json(tmp_path / "held_out.json").items()
        >= {
            "task": "dart",
            "split": "held_out",
            "records": 20,
            "skipped": 0,
            "source": "dart.txt",
            "sha256": files.sha256(source),
        }.items()
    )


def test_a_carved_split_of_real_records(real_data, tmp_path):
    source = real_data / "mtop" / catalogue.task_entry("mtop", {}).files["train"]
    texts, ids = [], []
    for split in ("train", "held_out"):
        out = tmp_path / f"{split}.jsonl"
        convert(job("mtop", carve={"held_out": 0.2}, limit=40), split, source, out)
        records = files.read_jsonl(out)
        texts.append({record["input"].casefold() for record in records})
        ids.append([record["id"].rsplit("-", 1)[1] for record in records])
    assert [len(part) for part in ids] == [40, 12]
    assert not texts[0] & texts[1]
    assert not set(ids[0]) & set(ids[1])


def test_holding_records_out_of_training_moves_no_other_split():
    inputs = [f"input {number}" for number in range(400)]
    alone = choose(inputs, "mine", "test", {"test": 0.1}, None, 0)
    assert choose(inputs, "mine", "test", {"test": 0.1, "held_out": 0.05}, None, 0) == alone
    assert len(alone) == 40
