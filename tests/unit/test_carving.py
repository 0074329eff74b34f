"""Samples of a split, and splits carved from the training file."""

import pytest
from official import DART, changed, job, write

from softshot import catalogue, files
from softshot.data.convert import convert
from softshot.data.splits import marks, parts, sample
from softshot.errors import UserError


def test_a_sample_is_the_same_everywhere_keeps_the_order_and_grows():
    assert sample(10, 4, "0-dart-train") == [0, 3, 7, 8]
    assert sample(10, None, "0-dart-train") == list(range(10))
    assert sample(10, 99, "0-dart-train") == list(range(10))
    assert sample(100, 50, "1-dart-train") != sample(100, 50, "0-dart-train")
    assert set(sample(100, 10, "s")) < set(sample(100, 20, "s"))


def carved(inputs, carve, seed=0, groups=None):
    """The positions of every split that is carved from these inputs, train among them."""
    groups = groups or [None] * len(inputs)
    pairs = zip(inputs, groups, strict=True)
    records = (
        {"input": text, "target": "t", "meta": {} if group is None else {"group": group}} for text, group in pairs
    )
    return parts(marks(records, "dart", seed).keys, carve)


def test_carved_splits_divide_the_inputs_and_keep_equal_ones_together():
    inputs = [f"Input {number % 500}" if number < 500 else f" input  {number % 500}\n" for number in range(1000)]
    carve = {"held_out": 0.1, "validation": 0.25}
    found = carved(inputs, carve)
    assert sorted(position for part in found.values() for position in part) == list(range(1000))
    assert {split: len(part) for split, part in found.items()} == {"train": 650, "held_out": 100, "validation": 250}
    for part in found.values():
        assert {position % 500 for position in part} == {position - 500 for position in part if position >= 500}
    assert found == carved(inputs, {"validation": 0.25, "held_out": 0.1})
    assert found != carved(inputs, carve, seed=1)
    shuffled = inputs[::-1]  # membership is the input's, not the position's
    assert {shuffled[position] for position in carved(shuffled, carve)["held_out"]} == {
        inputs[position] for position in found["held_out"]
    }


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_every_carved_split_gets_a_record_where_there_are_enough_inputs(share):
    assert sorted(map(len, carved(["a", "b", "B "], {"held_out": share}).values())) == [1, 2]
    three = carved(["a", "b", "c"], {"held_out": share / 2, "validation": share / 2})
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
    alone = carved(inputs, {"test": 0.1})["test"]
    assert carved(inputs, {"test": 0.1, "held_out": 0.05})["test"] == alone
    assert len(alone) == 40


def test_where_records_have_groups_these_are_carved_whole():
    inputs = [f"input {number}" for number in range(400)]
    groups = [f"Group  {number % 40}" for number in range(390)] + [None] * 10  # ten belong to none, and go by input
    found = carved(inputs, {"held_out": 0.1}, groups=groups)
    in_part = {split: {groups[position] for position in part} - {None} for split, part in found.items()}
    assert not in_part["held_out"] & in_part["train"]
    assert len({groups[position] or position for position in found["held_out"]}) == 5, "a tenth of the 50"
    assert sorted(found["train"] + found["held_out"]) == list(range(400))


def test_spiders_held_out_questions_are_on_databases_that_no_training_question_is_on(real_data, tmp_path):
    entry = catalogue.task_entry("spider", {})
    groups = {}
    for split in ("train", "held_out"):
        out = tmp_path / f"{split}.jsonl"
        convert(job("spider", carve=entry.carve), split, real_data / "spider" / entry.files["train"], out)
        groups[split] = [record["meta"] for record in files.read_jsonl(out)]
    assert {tuple(meta) for meta in groups["train"] + groups["held_out"]} == {("group",)}
    names = {split: {meta["group"] for meta in metas} for split, metas in groups.items()}
    assert (len(names["train"]), len(names["held_out"])) == (10, 1)
    assert not names["train"] & names["held_out"]
