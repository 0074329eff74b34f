"""What holds for every retriever on any records: nothing is given away, the order is right, nothing else decides.

python -m pytest tests/unit/test_demonstrations_properties.py
"""

import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softshot.data.text import fold
from softshot.demonstrations import dense, nearest, oracle
from softshot.demonstrations.bm25 import Bm25
from softshot.demonstrations.dense import Dense
from softshot.demonstrations.mmr import Mmr
from softshot.demonstrations.oracle import Oracle
from softshot.demonstrations.sample import Random

DIRECTIONS = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0].astype(np.float32)
DIRECTIONS = np.concatenate([DIRECTIONS, (DIRECTIONS + DIRECTIONS[::-1]) / np.float32(math.sqrt(2))])


def vectors(records: list[dict]) -> np.ndarray:
    """A vector per record that depends on its input; many inputs share one. Folding the text may change it."""
    return DIRECTIONS[[zlib.crc32(record["input"].encode()) % 16 for record in records]]


KINDS = {
    "random": lambda train, records, k: Random(train, k, seed=1),
    "bm25": lambda train, records, k: Bm25(train, k),
    "dense": lambda train, records, k: Dense(train, vectors(train), vectors(records), k),
    "mmr": lambda train, records, k: Mmr(Dense(train, vectors(train), vectors(records), 20), k, 0.3),
    "oracle": lambda train, records, k: Oracle(train, k),
}
every_kind = pytest.mark.parametrize("kind", KINDS)

few_words = st.lists(st.sampled_from(["set", "Set", "an", "alarm", "  ", "\t"]), max_size=4).map(" ".join)
scripts = st.text(st.sampled_from("明日の会議हिन्दीพรุ่งนี้Будильник안녕مرحباßſİ ́😀"), max_size=8)
very_long = st.builds(lambda word, count: f"{word} " * count, st.sampled_from(["long", "長い"]), st.integers(500, 2000))
texts = st.one_of(few_words, few_words, scripts, st.text(max_size=10), very_long)


@st.composite
def records(draw, smallest: int = 1) -> list[dict]:
    ids = draw(st.lists(st.integers(0, 30).map("r{}".format), min_size=smallest, max_size=12, unique=True))
    return [{"id": id, "input": draw(texts), "target": draw(few_words)} for id in ids]


def search(kind: str, train: list[dict], asked: list[dict], neighbours: int) -> dict:
    """Row by record id; NaN scores become None, which equals itself."""
    rows = KINDS[kind](train, asked, neighbours).search(asked)
    return {row.id: row._replace(scores=[None if s != s else s for s in row.scores]) for row in rows}


@every_kind
@settings(max_examples=60, deadline=None)
@given(train=records(), asked=records(), neighbours=st.integers(1, 20))
def test_never_itself_never_a_duplicate_and_all_there_is(kind, train, asked, neighbours):
    inputs = {record["id"]: fold(record["input"]) for record in train}
    for split in (train, asked):
        found = search(kind, train, split, neighbours)
        assert list(found) == [record["id"] for record in split]
        for record in split:
            row = found[record["id"]]
            allowed = {id for id, text in inputs.items() if id != record["id"] and text != fold(record["input"])}
            assert set(row.neighbours) <= allowed
            assert len(set(row.neighbours)) == len(row.neighbours) == len(row.scores) == min(neighbours, len(allowed))
            assert row.excluded == len(train) - len(allowed)


@pytest.mark.parametrize("kind", ["bm25", "dense", "oracle"])
@settings(max_examples=60, deadline=None)
@given(train=records(), asked=records(), neighbours=st.integers(1, 20))
def test_scores_fall_and_ties_are_in_the_order_of_ids(kind, train, asked, neighbours):
    targets = {record["id"]: record["target"] for record in train}
    for record, row in zip(asked, search(kind, train, asked, neighbours).values(), strict=True):
        keys = [
            (kind == "oracle" and targets[id] != record["target"], -score, id)
            for id, score in zip(row.neighbours, row.scores, strict=True)
        ]
        assert keys == sorted(keys)


@every_kind
@settings(max_examples=60, deadline=None)
@given(data=st.data(), train=records(), asked=records(), neighbours=st.integers(1, 20), block=st.integers(1, 5))
def test_neither_the_files_order_nor_the_blocks_decide(kind, data, train, asked, neighbours, block):
    plain = search(kind, train, asked, neighbours)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense, "BLOCK", block)
        patch.setattr(nearest, "BLOCK_BYTES", block * 4 * DIRECTIONS.shape[1])
        patch.setattr(nearest, "GATHERED", block)
        patch.setattr(nearest, "PRODUCTS", block)
        patch.setattr(nearest, "SPARE", block - 1)
        patch.setattr(oracle, "BLOCK", block)
        shuffled = [data.draw(st.permutations(split)) for split in (train, asked)]
        assert search(kind, *shuffled, neighbours) == plain


@every_kind
@settings(max_examples=40, deadline=None)
@given(train=records(), asked=records(), neighbours=st.integers(1, 20))
def test_fewer_neighbours_are_the_beginning_of_more(kind, train, asked, neighbours):
    few, many = search(kind, train, asked, neighbours), search(kind, train, asked, 20)
    for id, row in few.items():
        assert row.neighbours == many[id].neighbours[:neighbours]
        assert row.scores == many[id].scores[:neighbours]


@every_kind
def test_a_pool_of_one_record(kind):
    train = [{"id": "a", "input": "one", "target": "t"}]
    asked = [{"id": id, "input": text, "target": "t"} for id, text in (("q", "two"), ("r", "ONE"), ("s", ""))]
    assert search(kind, train, train, 8)["a"].neighbours == []
    found = search(kind, train, asked, 8)
    assert [found[id].neighbours for id in "qrs"] == [["a"], [], ["a"]]
    assert [found[id].excluded for id in "qrs"] == [0, 1, 0]
