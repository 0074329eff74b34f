"""Parts of the training records, as a job draws them."""

import random
import sys

import pytest

from softshot.data import __main__ as program
from softshot.errors import UserError
from softshot.files import read_jsonl, write_jsonl

RECORDS = [{"id": f"r{n}", "input": f"Ä {n}", "target": "t", "references": ["t"], "meta": {}} for n in range(60)]


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A function that draws a part of the records and returns it."""

    def draw(size: int, seed: int, records: list[dict] = RECORDS) -> list[dict]:
        write_jsonl(tmp_path / "train.jsonl", records)
        out = tmp_path / "part.jsonl"
        arguments = ["subset", "--records", str(tmp_path / "train.jsonl"), "--size", str(size), "--seed", str(seed)]
        monkeypatch.setattr(sys, "argv", ["softshot.data", *arguments, "--out", str(out)])
        program.main()
        return read_jsonl(out)

    return draw


def test_a_smaller_part_is_the_beginning_of_a_larger_one(drawn):
    whole = drawn(60, 1)
    assert sorted(record["id"] for record in whole) == sorted(record["id"] for record in RECORDS)
    assert all(record in RECORDS for record in whole)
    for size in (1, 20, 59):
        assert drawn(size, 1) == whole[:size]


def test_the_seed_decides_the_order_and_the_file_does_not(drawn):
    mixed = random.Random(0).sample(RECORDS, len(RECORDS))
    assert drawn(20, 1, mixed) == drawn(20, 1)
    ids = [{record["id"] for record in drawn(20, seed)} for seed in (1, 2, 3)]
    assert ids[0] != ids[1] != ids[2] != ids[0]
    assert ids[0] != {record["id"] for record in RECORDS[:20]}


def test_the_draw_is_uniform(drawn):
    """Of 200 draws of half the records each record is in about half: within four standard deviations, 28."""
    counts = dict.fromkeys((record["id"] for record in RECORDS), 0)
    for seed in range(200):
        for record in drawn(30, seed):
            counts[record["id"]] += 1
    assert min(counts.values()) >= 72 and max(counts.values()) <= 128


def test_a_part_larger_than_the_records_is_refused_and_leaves_nothing(drawn, tmp_path):
    with pytest.raises(UserError, match=r"^data_size\.train: 61 training.*train\.jsonl has 60; take 61 out"):
        drawn(61, 1)
    assert not (tmp_path / "part.jsonl").exists()
