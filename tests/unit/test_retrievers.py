"""Retrievers: the neighbours each finds, against its definition computed over all pairs.

python -m pytest tests/unit/test_retrievers.py
"""

import math
import random
from collections import Counter

import numpy as np
import pytest

from softshot.demonstrations import approximate, dense, nearest
from softshot.demonstrations.bm25 import Bm25, words
from softshot.demonstrations.dense import Dense
from softshot.demonstrations.exclusion import Exclusion
from softshot.demonstrations.mmr import Mmr
from softshot.demonstrations.oracle import Oracle
from softshot.demonstrations.sample import Random
from softshot.demonstrations.table import Row
from softshot.errors import UserError


def make_record(id: str, text: str, target: str = "t", **group: str) -> dict:
    return {"id": id, "input": text, "target": target} | group


def at_angles(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def unit_vectors(count: int, dimension: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(train, train_vectors, records, record_vectors, neighbours) -> list[Row]:
    """The definition, over all pairs."""
    rows = []
    for record, vector in zip(records, record_vectors.astype(np.float64), strict=True):
        pairs = []
        for other, other_vector in zip(train, train_vectors.astype(np.float64), strict=True):
            same_text = record["input"].casefold().split() == other["input"].casefold().split()
            of_train = record["id"] in {one["id"] for one in train}
            same_group = of_train and "group" in record and record["group"] == other.get("group")
            if record["id"] != other["id"] and not same_text and not same_group:
                pairs.append((-round(float(vector @ other_vector), 6), other["id"]))
        best = sorted(pairs)[:neighbours]
        ids, scores = [id for _, id in best], [-score for score, _ in best]
        rows.append(Row(record["id"], ids, scores, len(train) - len(pairs)))
    return rows


def neighbours_of(retriever, records: list[dict]) -> dict[str, list[str]]:
    return {row.id: row.neighbours for row in retriever.search(records)}


@pytest.fixture(scope="module")
def crowded():
    """Training and evaluation records with repeated texts and repeated vectors: (train, vectors, records, vectors)."""
    vectors = unit_vectors(40, 16, seed=7)
    generator = np.random.default_rng(7)
    places = generator.integers(0, 40, size=(2, 150))
    texts = generator.integers(0, 4, size=(2, 150))  # the same vector may stand for up to four texts
    splits = [
        [make_record(f"{name}-{i}", f"text {place} {text}") for i, (place, text) in enumerate(zip(*pair, strict=True))]
        for name, pair in zip(("train", "test"), zip(places, texts, strict=True), strict=True)
    ]
    return splits[0], vectors[places[0]], splits[1], vectors[places[1]]


# What is left out


def test_a_record_is_left_out_by_id_and_its_duplicates_by_text():
    train = [
        make_record("a", "set an alarm"),
        make_record("b", "  Set an\tALARM "),
        make_record("c", "set analarm"),
        make_record("d", "set an alarm."),
    ]
    exclusion = Exclusion(train)
    assert exclusion.of(train[0]) == {0, 1}
    assert exclusion.of(train[1]) == {0, 1}
    assert exclusion.of(train[2]) == {2}
    assert exclusion.of(make_record("other split", "SET AN ALARM")) == {0, 1}
    assert exclusion.of(make_record("d", "another text")) == {3}
    assert exclusion.of(make_record("e", "another text")) == set()


def test_of_a_training_record_its_group_is_left_out_too():
    train = [make_record(id, f"input {id}", group=group) for id, group in zip("abcd", "xxyy", strict=True)]
    train.append(make_record("e", "input e"))
    exclusion = Exclusion(train)
    assert [exclusion.of(record) for record in train] == [{0, 1}, {0, 1}, {2, 3}, {2, 3}, {4}]
    assert exclusion.of(make_record("other split", "input a", group="y")) == {0}
    assert exclusion.of(make_record("other split", "another text", group="x")) == set()


# Dense


def test_dense_neighbours_are_the_nearest_best_first():
    train = [make_record(id, f"input {id}") for id in "abcd"]
    [row] = Dense(train, at_angles(0, 30, 80, 180), at_angles(60), 3).search([make_record("q", "query")])
    assert row.neighbours == ["c", "b", "a"]
    assert row.scores == pytest.approx([math.cos(math.radians(angle)) for angle in (20, 30, 60)], abs=1e-6)
    assert row.excluded == 0


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize(("asked", "searched"), [(1, 150), (150, 1), (7, 40), (512, 512)])
def test_dense_equals_brute_force_whatever_the_blocks(crowded, neighbours, asked, searched, monkeypatch):
    monkeypatch.setattr(dense, "BLOCK", asked)
    monkeypatch.setattr(nearest, "BLOCK_BYTES", searched * 4 * 16)
    monkeypatch.setattr(nearest, "GATHERED", asked)
    monkeypatch.setattr(nearest, "PRODUCTS", asked)
    train, train_vectors, records, record_vectors = crowded
    for split, vectors in ((train, train_vectors), (records, record_vectors)):
        expected = brute_force(train, train_vectors, split, vectors, neighbours)
        assert list(Dense(train, train_vectors, vectors, neighbours).search(split)) == expected


@pytest.mark.parametrize("groups", [2, 8, 100])
def test_dense_without_a_records_group_equals_brute_force(crowded, groups, monkeypatch):
    """Groups of more records than are proposed at first."""
    monkeypatch.setattr(nearest, "BLOCK_BYTES", 40 * 4 * 16)
    splits = [[record | {"group": f"g{n % groups}"} for n, record in enumerate(split)] for split in crowded[::2]]
    train, train_vectors, record_vectors = splits[0], crowded[1], crowded[3]
    for split, vectors in ((train, train_vectors), (splits[1], record_vectors)):
        expected = brute_force(train, train_vectors, split, vectors, 5)
        assert list(Dense(train, train_vectors, vectors, 5).search(split)) == expected


def test_scores_that_differ_by_float_noise_are_ties_that_the_id_settles():
    """More ties than are proposed: the ones with the smallest ids are kept."""
    generator = np.random.default_rng(3)
    vectors = np.tile(at_angles(0), (300, 1)) + generator.normal(size=(300, 2), scale=1e-8).astype(np.float32)
    ids = [f"{number:03}" for number in generator.permutation(300)]
    train = [make_record(id, f"input {id}") for id in ids]
    [row] = Dense(train, vectors, at_angles(0), 4).search([make_record("q", "query")])
    assert row.neighbours == ["000", "001", "002", "003"]


def test_many_duplicates_do_not_use_up_the_neighbours():
    train = [make_record(f"same-{i}", "the same") for i in range(200)]
    train += [make_record(id, id) for id in ("far", "near", "nearest", "farthest")]
    vectors = at_angles(*[10] * 200, 90, 45, 5, 135)  # the nearest before all duplicates, the others behind them
    [row] = Dense(train, vectors, at_angles(0), 3).search([make_record("q", "The same")])
    assert row.neighbours == ["nearest", "near", "far"]
    assert row.excluded == 200


# Approximate


def test_an_approximate_index_is_used_where_its_recall_is_high_and_its_recall_is_told(capsys):
    centres = unit_vectors(50, 16, seed=1).repeat(60, axis=0)
    vectors = centres + 0.1 * unit_vectors(3000, 16, seed=2)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    train = [make_record(f"{i:04}", f"text {i}") for i in range(3000)]
    retriever = Dense(train, vectors, vectors, 5, approximate_from=3000)
    assert retriever.metadata["index"] == "approximate"
    told = float(retriever.metadata["approximate_recall"])
    assert told >= 0.95
    assert f"finds {told:.1%} of the exact neighbours" in capsys.readouterr().err
    assert int(retriever.metadata["cells_searched"]) < int(retriever.metadata["cells"]) / 16

    found, exact = list(retriever.search(train)), brute_force(train, vectors, train[:100], vectors[:100], 5)
    assert all(row.id not in row.neighbours and len(row.neighbours) == 5 for row in found)
    shared = sum(len({*a.neighbours} & {*b.neighbours}) for a, b in zip(found, exact, strict=False))
    assert shared / 500 == pytest.approx(told, abs=0.05)
    for row, expected in zip(found, exact, strict=False):  # what is found has the exact score
        scores = dict(zip(expected.neighbours, expected.scores, strict=True))
        pairs = zip(row.neighbours, row.scores, strict=True)
        assert all(scores.get(id, score) == score for id, score in pairs)


def test_the_search_stays_exact_where_an_approximate_index_misses_too_much(capsys):
    vectors = unit_vectors(1000, 64, seed=1)  # nothing is near anything
    train = [make_record(f"{i:04}", f"text {i}") for i in range(1000)]
    retriever = Dense(train, vectors, vectors[:50], 5, approximate_from=1000)
    assert retriever.metadata["index"] == "exact"
    assert capsys.readouterr().err.startswith("exact search: an approximate index finds")
    assert list(retriever.search(train[:50])) == brute_force(train, vectors, train[:50], vectors[:50], 5)


def test_records_for_which_an_index_proposes_too_few_are_searched_exactly(monkeypatch):
    monkeypatch.setattr(approximate, "RECALL", 0.0)  # one cell is enough
    train = [make_record(f"{i}", f"text {i}") for i in range(20)]
    vectors = at_angles(*range(0, 200, 10))
    retriever = Dense(train, vectors, vectors, 19, approximate_from=2)
    assert retriever.metadata["index"] == "approximate"
    assert list(retriever.search(train)) == brute_force(train, vectors, train, vectors, 19)


def test_too_few_training_records_are_searched_exactly(crowded):
    train, train_vectors, *_, record_vectors = crowded
    retriever = Dense(train, train_vectors, record_vectors, 5, approximate_from=151)
    assert retriever.metadata == {"index": "exact"}


# Maximal marginal relevance


def test_mmr_takes_the_nearest_then_what_is_unlike_it():
    train = [make_record(id, f"input {id}") for id in "abcd"]
    vectors = at_angles(5, 6, -30, 120)
    records = [make_record("q", "query")]
    pool = Dense(train, vectors, at_angles(0), 4)
    assert neighbours_of(Mmr(pool, 3, 0.01), records)["q"] == ["a", "b", "c"]
    [row] = Mmr(pool, 3, 0.5).search(records)
    assert row.neighbours == ["a", "c", "b"]
    assert row.scores == pytest.approx([math.cos(math.radians(angle)) for angle in (5, 30, 6)], abs=1e-6)


def test_mmr_equals_its_definition(crowded):
    train, train_vectors, records, record_vectors = crowded
    place = {record["id"]: i for i, record in enumerate(train)}
    pools = brute_force(train, train_vectors, records, record_vectors, 30)
    found = neighbours_of(Mmr(Dense(train, train_vectors, record_vectors, 30), 6, 0.3), records)
    vectors = train_vectors.astype(np.float64)
    for pool in pools:
        chosen, left = [], dict(zip(pool.neighbours, pool.scores, strict=True))
        while len(chosen) < 6:

            def value(id, chosen=chosen, left=left):
                alike = max((round(float(vectors[place[id]] @ vectors[place[c]]), 6) for c in chosen), default=0)
                return round(0.7 * left[id] - 0.3 * alike, 9)

            best = max(left, key=value)  # the first of equal ones, as they stand in the pool
            chosen.append(best)
            del left[best]
        assert found[pool.id] == chosen


def test_a_pool_smaller_than_the_neighbours_is_an_error():
    train = [make_record("a", "one")]
    with pytest.raises(UserError, match="8 neighbours cannot be chosen among 4"):
        Mmr(Dense(train, at_angles(0), at_angles(0), 4), 8, 0.5)


# BM25


def bm25_scores(train: list[str], query: str) -> list[float]:
    """Lucene's BM25 by its formula."""
    documents = [Counter(words(text)) for text in train]
    mean = sum(document.total() for document in documents) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for word in words(query):
            having = sum(word in other for other in documents)
            weight = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
            score += weight * document[word] / (document[word] + 1.5 * (0.25 + 0.75 * document.total() / mean))
        scores.append(round(score, 6))
    return scores


def test_bm25_scores_are_those_of_the_formula():
    generator = random.Random(1)
    texts = [
        " ".join(generator.choices("abcdefghij", weights=range(1, 11), k=generator.randint(1, 12))) for _ in "x" * 60
    ]
    train = [make_record(f"{i:02}", text) for i, text in enumerate(texts)]
    for query in ("a b c", "a a a j", "j unknown", texts[0]):
        expected = bm25_scores(texts, query)
        left_out = {i for i, text in enumerate(texts) if text == query}
        [row] = Bm25(train, 10).search([make_record("q", query)])
        best = sorted((-score, f"{i:02}") for i, score in enumerate(expected) if i not in left_out)[:10]
        assert list(zip(row.neighbours, row.scores, strict=True)) == [(id, -score) for score, id in best]


def test_bm25_without_a_known_word_gives_the_lowest_ids_at_score_0():
    train = [make_record(id, text) for id, text in (("c", "one"), ("a", "two"), ("b", "?!"))]
    for text in ("three", "", "..."):
        [row] = Bm25(train, 2).search([make_record("q", text)])
        assert (row.neighbours, row.scores) == (["a", "b"], [0, 0])
    [row] = Bm25([make_record("b", ""), make_record("a", "!")], 2).search([make_record("q", "one")])
    assert (row.neighbours, row.scores) == (["a", "b"], [0, 0])


def test_words_of_many_scripts():
    assert words("It's 7 AM, the Caf\u00e9_1!") == ["it", "s", "7", "am", "the", "caf\u00e9_1"]
    assert words("明日7時に起こして tomorrow") == [*"明日", "7", *"時に起こして", "tomorrow"]
    assert words("हिन्दी में बोलो") == ["हिन्दी", "में", "बोलो"]
    assert words("Разбуди меня в семь") == ["разбуди", "меня", "в", "семь"]
    assert words("내일 알람") == ["내일", "알람"]
    assert words("พรุ่ง") == [*"พรุ่ง"]


# Oracle


def test_the_oracle_puts_equal_targets_first_then_token_f1():
    targets = {"a": "y x", "b": "z", "c": "x y", "d": "x y y", "e": "x", "f": ""}
    train = [make_record(id, f"input {id}", target) for id, target in targets.items()]
    [row] = Oracle(train, 6).search([make_record("q", "query", "x y")])
    assert row.neighbours == ["c", "a", "d", "e", "b", "f"]
    assert row.scores == [1, 1, 0.8, 0.666667, 0, 0]
    [row] = Oracle(train, 2).search([make_record("q", "query", "")])
    assert (row.neighbours, row.scores) == (["f", "a"], [1, 0])
    assert Oracle(train, 2).metadata == {"upper_bound": "it knows the target"}


def test_the_oracle_counts_tokens_as_often_as_they_stand_there():
    generator = random.Random(2)
    targets = [" ".join(generator.choices("abc", k=generator.randint(0, 6))) for _ in range(50)]
    train = [make_record(f"{i:02}", f"input {i}", target) for i, target in enumerate(targets)]

    def f1(one: str, other: str) -> float:
        shared, total = (Counter(one.split()) & Counter(other.split())).total(), len(one.split()) + len(other.split())
        return round(2 * shared / total, 6) if total else 1.0

    for record, row in zip(train, Oracle(train, 49).search(train), strict=True):
        others = [other for other in train if other is not record]
        keys = [(o["target"] != record["target"], -f1(o["target"], record["target"]), o["id"]) for o in others]
        assert row.neighbours == [id for *_, id in sorted(keys)]
        assert row.scores == [-score for _, score, _ in sorted(keys)]


# Random


def test_random_draws_depend_on_seed_and_id_not_on_order(crowded):
    train, _, records, _ = crowded
    plain = neighbours_of(Random(train, 8, seed=1), records)
    shuffler = random.Random(0)
    mixed = Random(shuffler.sample(train, len(train)), 8, seed=1)
    assert neighbours_of(mixed, shuffler.sample(records, len(records))) == plain
    other = neighbours_of(Random(train, 8, seed=2), records)
    assert all(other[id] != plain[id] for id in plain)


def test_random_draws_are_uniform():
    train = [make_record(f"t{i}", f"text {i}") for i in range(10)]
    records = [make_record(f"q{i}", f"query {i}") for i in range(5000)]
    firsts = Counter(row.neighbours[0] for row in Random(train, 1, seed=1).search(records))
    assert all(abs(firsts[record["id"]] - 500) < 5 * math.sqrt(500 * 0.9) for record in train)  # 5 standard deviations
