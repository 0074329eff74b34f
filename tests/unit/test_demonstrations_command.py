"""Demonstrations at the command line: tables, and the look-up.

python -m pytest tests/unit/test_demonstrations_command.py
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from softshot.demonstrations import __main__ as program
from softshot.demonstrations import embeddings, show, table
from softshot.errors import UserError
from softshot.files import sha256, write_jsonl

INPUTS = {"train": ["set an alarm", "play a song", "set the alarm"], "test": ["SET an alarm", "sing a song"]}
KINDS = ["random", "bm25", "dense", "mmr", "oracle"]


def make_record(id: str, text: str) -> dict:
    target = text.split()[-1]
    return {"id": id, "input": text, "target": target, "references": [target], "meta": {}}


@pytest.fixture
def splits(tmp_path) -> Path:
    """A study's data folder with train.jsonl and test.jsonl, and made-up vectors of both beside them."""
    folder = tmp_path / "data" / "tiny"
    for split, texts in INPUTS.items():
        records = folder / f"{split}.jsonl"
        write_jsonl(records, [make_record(f"{split}-{i}", text) for i, text in enumerate(texts)])
        radians = np.radians([0, 50, 70])[: len(texts)]
        vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
        save_vectors(folder, split, vectors)
    return folder


def save_vectors(folder: Path, split: str, vectors: np.ndarray, **changed) -> None:
    values = {"encoder": "minilm", "revision": "1", "dimension": 2, "records": len(vectors)} | changed
    origin = embeddings.Origin(**values, records_sha256=sha256(folder / f"{split}.jsonl"))
    embeddings.save(folder / f"{split}.npy", [vectors], origin)


def retrieve_arguments(folder: Path, kind: str, **changed: str | int | float) -> list[str]:
    """Arguments of `retrieve`; `index` and `queries` name other files, all other changes are settings."""
    vectors = {"index": "train.npy", "queries": "test.npy"}
    vectors |= {key: changed.pop(key) for key in list(changed) if key in vectors}
    named = {"train": "train.jsonl", "records": "test.jsonl"} | vectors
    return [
        *["retrieve", "--settings", json.dumps({"kind": kind, "neighbours": 2} | changed), "--seed", "3"],
        *[part for key, name in named.items() for part in (f"--{key}", str(folder / name))],
        *["--out", str(folder.parents[1] / "demonstrations" / "tiny" / kind / "test.parquet")],
    ]


def call(monkeypatch, arguments: list[str]) -> None:
    """The program, in this process."""
    monkeypatch.setattr(sys, "argv", ["softshot.demonstrations", *arguments])
    program.main()


def run(arguments: list[str]) -> subprocess.CompletedProcess:
    """The program, as a user calls it."""
    return subprocess.run([sys.executable, "-m", "softshot.demonstrations", *arguments], capture_output=True, text=True)


# Tables


def test_a_table_comes_back_as_written(tmp_path, capsys):
    path = tmp_path / "validation.parquet"
    rows = [table.Row("q", ["b", "a"], [12.345678, 0.25], 1), table.Row("r", ["a"], [math.nan], 0)]
    table.write(path, iter(rows), 2, {"kind": "dense"})
    found = table.read_neighbours(path)
    assert found["q"] == [("b", 12.345678), ("a", 0.25)]
    [(id, score)] = found["r"]
    assert id == "a"
    assert math.isnan(score)
    stored = pq.read_table(path)
    assert [str(kind) for kind in stored.schema.types] == [
        *["string", "list<element: string>", "list<element: double>", "int32"]
    ]
    assert stored.column("excluded").to_pylist() == [1, 0]
    metadata = pq.read_metadata(path).metadata
    assert {key: metadata[key] for key in (b"kind", b"neighbours", b"records_with_fewer")} == {
        **{b"kind": b"dense", b"neighbours": b"2", b"records_with_fewer": b"1"}
    }


def test_records_with_fewer_neighbours_or_none_are_counted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(table, "ROWS", 2)
    path = tmp_path / "train.parquet"
    rows = [table.Row("q", ["a", "b"], [1, 1], 0), table.Row("r", [], [], 2), table.Row("s", ["a"], [1], 1)]
    table.write(path, rows, 2, {})
    assert capsys.readouterr().err == f"{path}: 2 records have fewer than 2 neighbours, 1 of them none\n"
    assert pq.read_metadata(path).metadata[b"records_with_fewer"] == b"2"
    assert table.read_neighbours(path) == {"q": [("a", 1), ("b", 1)], "r": [], "s": [("a", 1)]}


def test_a_failing_search_leaves_no_table(tmp_path):
    def rows():
        yield table.Row("q", ["a"], [1], 0)
        raise UserError("stop")

    with pytest.raises(UserError, match="stop"):
        table.write(tmp_path / "train.parquet", rows(), 1, {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_table_is_an_error(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        table.read_neighbours(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"bad\.parquet is not a table of demonstrations"):
        table.read_neighbours(tmp_path / "bad.parquet")


# retrieve


@pytest.mark.parametrize("kind", KINDS)
def test_retrieve_program(splits, kind, monkeypatch):
    call(monkeypatch, retrieve_arguments(splits, kind, **({"diversity": 0.5, "pool": 3} if kind == "mmr" else {})))
    path = splits.parents[1] / "demonstrations" / "tiny" / kind / "test.parquet"
    found = {id: [neighbour for neighbour, _ in pairs] for id, pairs in table.read_neighbours(path).items()}
    assert sorted(found["test-0"]) == ["train-1", "train-2"]  # train-0 is its duplicate
    if kind != "random":
        first = {"bm25": "train-1", "dense": "train-1", "mmr": "train-1", "oracle": "train-1"}
        assert found["test-1"][0] == first[kind]
    metadata = {key.decode(): value.decode() for key, value in pq.read_metadata(path).metadata.items()}
    del metadata["ARROW:schema"]
    expected = {"kind": kind, "exclude": "duplicates", "neighbours": "2", "records_with_fewer": "0"}
    expected["first_has_output"] = metadata["first_has_output"]
    assert metadata["first_has_output"] in ("0.0000", "0.5000", "1.0000")
    expected |= {
        f"{key}_sha256": sha256(splits / f"{split}.jsonl") for key, split in (("train", "train"), ("records", "test"))
    }
    expected |= {"random": {"seed": "3"}, "oracle": {"upper_bound": "it knows the target"}}.get(kind, {})
    if kind in ("dense", "mmr"):
        expected |= {"encoder": "minilm", "encoder_revision": "1", "index": "exact"}
    if kind == "mmr":
        expected |= {"diversity": "0.5", "pool": "3"}
    assert metadata == expected


@pytest.mark.parametrize(
    ("exclude", "neighbours", "share"),
    [("duplicates", {"a": "b", "b": "a", "c": "a"}, "0.6667"), ("group", {"a": "c", "b": "c", "c": "a"}, "0.0000")],
)
def test_the_share_of_first_demonstrations_with_the_wanted_output(tmp_path, monkeypatch, exclude, neighbours, share):
    """Two paraphrases on one database have one output; as a group they are not shown to each other."""
    texts = {"a": ("how many singers", "music"), "b": ("singers how many in all", "music"), "c": ("many pets", "pets")}
    rows = [
        {
            "id": id,
            "input": text,
            "target": f"count {group}",
            "references": [f"count {group}"],
            "meta": {"group": group},
        }
        for id, (text, group) in texts.items()
    ]
    train, out = tmp_path / "train.jsonl", tmp_path / "train.parquet"
    write_jsonl(train, rows)
    settings = json.dumps({"kind": "bm25", "neighbours": 1, "exclude": exclude})
    call(
        monkeypatch,
        ["retrieve", "--settings", settings, "--train", str(train), "--records", str(train), "--out", str(out)],
    )
    metadata = table.read_metadata(out)
    assert (metadata["exclude"], metadata["first_has_output"]) == (exclude, share)
    assert json.loads(out.with_suffix(".json").read_text())["first_has_output"] == share
    assert {id: pairs[0][0] for id, pairs in table.read_neighbours(out).items()} == neighbours


def test_retrieve_program_refuses_what_does_not_belong_together(splits, monkeypatch):
    with pytest.raises(UserError, match=r"train\.npy was not computed from"):
        call(monkeypatch, retrieve_arguments(splits, "dense", queries="train.npy"))
    with pytest.raises(UserError, match="comes from the encoder minilm, not from neo"):
        call(monkeypatch, retrieve_arguments(splits, "dense", encoder="neo"))
    save_vectors(splits, "test", np.eye(2, dtype=np.float32), encoder="neo")
    with pytest.raises(UserError, match="differ in their encoder, neo and minilm"):
        call(monkeypatch, retrieve_arguments(splits, "mmr"))
    assert not (splits.parents[1] / "demonstrations").exists()


@pytest.mark.parametrize(
    ("kind", "left_out", "message"),
    [
        ("random", "--seed", "random demonstrations need a --seed"),
        ("dense", "--index", "dense demonstrations need the vectors"),
        ("mmr", "--queries", "mmr demonstrations need the vectors"),
    ],
)
def test_what_a_kind_needs_is_asked_for(splits, monkeypatch, kind, left_out, message):
    arguments = retrieve_arguments(splits, kind)
    place = arguments.index(left_out)
    with pytest.raises(UserError, match=message):
        call(monkeypatch, arguments[:place] + arguments[place + 2 :])


def test_vectors_may_be_left_empty_where_none_are_needed(splits, monkeypatch):
    arguments = [part for part in retrieve_arguments(splits, "bm25") if not part.endswith(".npy")]
    assert "--index" in arguments
    call(monkeypatch, arguments)


# retrieve among a part of the training records


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", ["test", "part"])
def test_among_a_part_of_the_training_records_is_as_if_there_were_no_others(splits, kind, split, monkeypatch, tmp_path):
    """The part in another order than the whole; its own records as well as others look for neighbours."""
    train = [make_record(f"train-{i}", f"{word} {i % 7} alarm song{i % 5}") for i, word in enumerate("abcd" * 10)]
    vectors = np.random.default_rng(0).normal(size=(len(train), 2)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.random.default_rng(1).permutation(len(train))[:15]
    write_jsonl(splits / "train.jsonl", train)
    save_vectors(splits, "train", vectors)
    write_jsonl(splits / "part.jsonl", [train[i] for i in order])
    save_vectors(splits, "part", vectors[order])  # what a run on these records alone would encode

    def tables(index: str, *more: str) -> dict:
        queries = f"{index if split == 'part' else 'test'}.npy"
        settings = {"neighbours": 4} | ({"pool": 8} if kind == "mmr" else {})
        arguments = retrieve_arguments(splits, kind, index=f"{index}.npy", queries=queries, **settings)
        replaced = {"--train": "part.jsonl", "--records": f"{split}.jsonl", "--out": "found.parquet"}
        for name, file in replaced.items():
            arguments[arguments.index(name) + 1] = str(splits / file)
        call(monkeypatch, [*arguments, *more])
        # A random neighbour's score is NaN, which equals nothing.
        return {id: str(pairs) for id, pairs in table.read_neighbours(splits / "found.parquet").items()}

    alone = tables("part")
    assert len(alone) == (15 if split == "part" else 2)
    assert tables("train", "--whole", str(splits / "train.jsonl")) == alone


def test_a_part_of_other_records_is_refused(splits, monkeypatch):
    write_jsonl(splits / "part.jsonl", [make_record("train-9", "set an alarm")])
    arguments = [*retrieve_arguments(splits, "dense"), "--whole", str(splits / "train.jsonl")]
    arguments[arguments.index("--train") + 1] = str(splits / "part.jsonl")
    with pytest.raises(UserError, match=r"part\.jsonl: record train-9 is not in .*train\.jsonl"):
        call(monkeypatch, arguments)


def test_a_misspelt_setting_stops_the_program(splits):
    finished = run(retrieve_arguments(splits, "bm25", neighbors=2))
    assert finished.returncode == 1
    assert "did you mean `neighbours`?" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("kind", "unneeded"),
    [
        ("random", "torch faiss transformers bm25s scipy"),
        ("bm25", "torch faiss transformers"),
        ("dense", "torch scipy"),
    ],
)
def test_a_retriever_loads_only_what_it_needs(splits, kind, unneeded):
    code = (
        "import sys; from softshot.demonstrations.__main__ import main; main();"
        f"assert not set({unneeded.split()!r}) & set(sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *retrieve_arguments(splits, kind)], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr


# softshot show


@pytest.fixture
def study(splits, monkeypatch) -> Path:
    """The results folder with a table per kind."""
    for kind in KINDS:
        call(monkeypatch, retrieve_arguments(splits, kind))
    return splits.parents[1]


def look_up(monkeypatch, *arguments: str) -> None:
    """`softshot show`, in this process."""
    monkeypatch.setattr(sys, "argv", ["softshot show", *arguments])
    show.main()


def test_show_prints_a_record_and_its_neighbours_under_every_retriever(study, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    look_up(monkeypatch, "tiny", "test-0", "--results", str(study))
    told = capsys.readouterr().out
    assert told.startswith("tiny, test, record test-0\n     input   SET an alarm\n     target  alarm\n")
    assert "\ndense (dense, minilm); 1 training records excluded\n" in told
    assert "  1. score 0.642788, record train-1\n     input   play a song\n     target  song\n" in told
    assert "\noracle (oracle, UPPER BOUND: it knows the target); 1 training" in told
    assert "\nrandom (random, seed 3); 1 training" in told
    assert [line.split(" (")[0] for line in told.splitlines() if "excluded" in line] == sorted(KINDS)


def test_show_wraps_long_texts(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    show.show_texts({"input": "word " * 40, "target": ""})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 50
    assert lines[1].startswith(" " * 13 + "word")


def test_show_names_the_closest_ids(study):
    command = [sys.executable, "-m", "softshot", "show", "tiny", "tset-1", "--results", str(study)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1
    assert finished.stderr == (
        "softshot: tiny has no record 'tset-1' in test, train; the closest ids are test-1, test-0, train-1.\n"
    )


def test_show_says_what_is_not_there(study, tmp_path, monkeypatch, capsys):
    with pytest.raises(UserError, match="holds no records: is other a task of this study"):
        show.show(study, "other", "test-1")
    part = study / "demonstrations/tiny/bm25_train-2_seed-1/train.parquet"
    table.write(part, [table.Row("train-1", ["train-2"], [1], 0)], 1, {"kind": "bm25"})
    show.show(study, "tiny", "train-0")  # a split without tables, but among a part of the training records
    assert "no table of demonstrations for train" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"config\.yaml names no study"):
        look_up(monkeypatch, "tiny", "test-1")
    (tmp_path / "config.yaml").write_text("study: mine\n")
    with pytest.raises(UserError, match="results/mine/data/tiny holds no records"):
        look_up(monkeypatch, "tiny", "test-1")


@pytest.mark.parametrize(("split", "told"), [("train", "training"), ("test", "test")])
def test_show_refuses_tables_of_other_records(study, split, told):
    records = study / f"data/tiny/{split}.jsonl"
    records.write_text(records.read_text().replace("alarm", "alert"))
    with pytest.raises(UserError, match=rf"test\.parquet was made from other {told} records than are there now: run"):
        show.show(study, "tiny", "test-0")


def test_without_a_record_show_says_what_it_needs_and_without_a_command_so_does_the_stage():
    asked = subprocess.run([sys.executable, "-m", "softshot", "show"], capture_output=True, text=True)
    assert asked.returncode == 2 and "usage: softshot show [-h]" in asked.stderr
    assert "the following arguments are required: task, id" in asked.stderr and "--show" not in asked.stderr
    staged = run([])
    assert staged.returncode == 2 and "required: encode | retrieve" in staged.stderr
