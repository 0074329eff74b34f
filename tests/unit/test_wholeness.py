"""A file is whole or not there, a cut one is refused by name, and a job ends with its Snakemake.

python -m pytest tests/unit/test_wholeness.py
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from softshot import errors, files, provenance
from softshot.demonstrations import table
from softshot.engine import base as engine_base
from softshot.errors import UserError
from softshot.methods import base as adapters
from softshot.methods import prompt_tuning
from softshot.tuning import state

CONFIG = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3, "token_dim": 32}
ROWS = [{"id": str(number)} for number in range(10)]


def cut(path: Path, size: int | None = None) -> None:
    path.write_bytes(path.read_bytes()[: size or path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "note"),
    [("train.jsonl", "train.json"), ("predictions.jsonl.gz", "run.json"), ("history.jsonl", "tuning.json")],
)
def test_lines_that_were_cut_off_are_missed(tmp_path, name, note):
    path = tmp_path / name
    files.write_jsonl(path, ROWS)
    files.write_json(tmp_path / note, {"checksums": files.checksums(path)})
    assert files.read_jsonl(path) == ROWS
    cut(path, None if path.suffix == ".gz" else len('{"id": "0"}\n' * 4))
    with pytest.raises(UserError, match=rf"{name} is not the file .* checksum in {note}.*Delete it and run again"):
        files.read_jsonl(path)


def test_the_same_rows_give_the_same_compressed_file(tmp_path):
    places = [tmp_path / "a" / files.PREDICTIONS, tmp_path / "b" / files.PREDICTIONS, tmp_path / "c.jsonl.gz"]
    for number, path in enumerate(places):
        files.write_jsonl(path, ROWS)
        os.utime(path, (number, number))
    assert len({path.read_bytes() for path in places}) == 1
    assert gzip.decompress(places[0].read_bytes()).decode() == "".join(json.dumps(row) + "\n" for row in ROWS)
    assert files.read_jsonl(places[0]) == ROWS
    cut(places[0])
    with pytest.raises(UserError, match="not a whole compressed file"):
        files.read_jsonl(places[0])
    places[1].write_bytes(b"plain text")
    with pytest.raises(UserError, match="not a whole compressed file"):
        files.read_jsonl(places[1])


def test_a_file_of_ones_own_has_no_checksum_and_is_taken_as_it_is(tmp_path):
    files.write_jsonl(tmp_path / "mine.jsonl", ROWS)
    assert files.read_jsonl(tmp_path / "mine.jsonl") == ROWS
    (tmp_path / "mine.json").write_text("[1]")
    assert files.read_jsonl(tmp_path / "mine.jsonl") == ROWS


def test_what_a_killed_writer_left_is_deleted_by_the_next(tmp_path):
    code = "import os, sys; from pathlib import Path; from softshot.files import replacing\n"
    code += "with replacing(Path(sys.argv[1])) as new: new.write_text('half'); os.kill(os.getpid(), 9)"
    out = tmp_path / "[a].txt"  # brackets mean something to glob
    assert subprocess.run([sys.executable, "-c", code, str(out)]).returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.name.startswith(".[a].txt.new-")
    other = tmp_path / ".[a].txt.0123.part"  # what an encoding continues with is not ours to delete
    other.touch()
    files.write_text(out, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([other, out])


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 16 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


WRITERS = {
    "text": lambda path: files.write_text(path, "x" * 100_000),
    "lines": lambda path: files.write_jsonl(path, [{"x": "y" * 1000}] * 100),
    "prompt": lambda path: with_replacing(path, lambda new: save_file({"x": torch.zeros(50_000)}, new)),
    "state": lambda path: state.save(path, {"x": torch.zeros(50_000)}),
    "table": lambda path: table.write(path, [table.Row(os.urandom(50_000).hex(), [], [], 0)], 0, {}),
    "scores": lambda path: with_replacing(
        path, lambda new: pq.write_table(pa.table({"x": np.random.default_rng(0).random(50_000)}), new)
    ),
}


def with_replacing(path, write):
    with files.replacing(path) as new:
        write(new)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_nothing_behind_and_says_so(kind, full_disk, monkeypatch):
    monkeypatch.delenv("SNAKEMAKE_PID", raising=False)
    with pytest.raises(SystemExit, match=r"softshot: the disk is full .*: free some space and run again"):
        errors.run_program(lambda: WRITERS[kind](full_disk / "out"))
    assert list(full_disk.iterdir()) == []


def test_other_errors_keep_their_traceback(monkeypatch):
    monkeypatch.delenv("SNAKEMAKE_PID", raising=False)
    with pytest.raises(ZeroDivisionError):
        errors.run_program(lambda: 1 / 0)


def test_a_cut_adapter_is_refused(tiny_models, tmp_path):
    base = engine_base.load(tiny_models["gpt2"])
    adapters.save(tmp_path, {"prompt_embeddings": torch.zeros(3, base.embedding_size)}, CONFIG, base)
    prompt_tuning.load(base, tmp_path)
    cut(tmp_path / adapters.WEIGHTS)
    with pytest.raises(UserError, match=r"adapter_model\.safetensors is no whole adapter .*tune again"):
        prompt_tuning.load(base, tmp_path)


@pytest.mark.parametrize("size", [0, 1, 32, 100, None])
def test_a_damaged_state_is_none(tmp_path, size, capsys):
    path = tmp_path / "x.pt"
    state.save(path, {"x": torch.arange(1000)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if size is None else size])
    assert state.load(path) is None
    assert "x.pt was damaged" in capsys.readouterr().err


def test_a_state_with_a_flipped_bit_is_none(tmp_path):
    path = tmp_path / "x.pt"
    state.save(path, {"x": torch.zeros(1000)})
    content = bytearray(path.read_bytes())
    content[content.index(bytes(500)) + 100] ^= 1
    path.write_bytes(bytes(content))
    assert state.load(path) is None


@pytest.mark.parametrize("read", [table.read_neighbours, table.read_metadata])
def test_a_cut_table_is_refused(tmp_path, read):
    path = tmp_path / "test.parquet"
    table.write(path, [table.Row("a", ["b"], [1.0], 0)], 1, {"kind": "bm25"})
    cut(path)
    with pytest.raises(UserError, match=r"test\.parquet is not a table of demonstrations .*delete it and run again"):
        read(path)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json"])
def test_a_cut_model_is_refused(name, tiny_models, tmp_path):
    for file in tiny_models["llama"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    sums = {file.name: files.sha256(file) for file in tmp_path.iterdir()}
    files.write_json(tmp_path / "provenance.json", {"files": sums})
    cut(tmp_path / name)
    with pytest.raises(UserError, match=str(tmp_path)):
        engine_base.load(tmp_path)


JOB = """
import sys, time
from pathlib import Path
from softshot.errors import run_program
def main():
    with Path(sys.argv[1]).open("a") as out:
        for _ in range(int(sys.argv[3])):
            out.write(sys.argv[2])
            out.flush()
            time.sleep(0.02)
run_program(main)
"""


def job(folder: Path, letter: str, times: int, parent: int) -> subprocess.Popen:
    """A stage program with `job.log` as its log, started by the Snakemake `parent`."""
    with (folder / "job.log").open("w") as log:
        command = [sys.executable, "-c", JOB, str(folder / "out"), letter, str(times)]
        environment = os.environ | {"SNAKEMAKE_PID": str(parent)}
        return subprocess.Popen(command, stderr=log, env=environment)


def wait_for(condition) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_job_ends_soon_after_its_snakemake(tmp_path):
    snakemake = subprocess.Popen(["sleep", "60"])
    process = job(tmp_path, "a", 3000, snakemake.pid)
    wait_for((tmp_path / "out").exists)
    snakemake.kill()  # and not waited for: it is a zombie now
    assert process.wait(timeout=30) == 1
    snakemake.wait()
    assert "Snakemake is gone" in (tmp_path / "job.log").read_text()


def test_a_later_run_of_a_job_waits_for_the_end_of_the_earlier(tmp_path):
    first = job(tmp_path, "a", 60, os.getpid())
    wait_for((tmp_path / "out").exists)
    second = job(tmp_path, "b", 5, os.getpid())
    assert (first.wait(), second.wait()) == (0, 0)
    assert (tmp_path / "out").read_text() == "a" * 60 + "b" * 5
    assert "waiting for the end of an earlier run" in (tmp_path / "job.log").read_text()


def test_half_encoded_vectors_are_continued_by_the_same_code_and_device_only(monkeypatch):
    first = provenance.deciding("0123")
    assert first == provenance.deciding("0123") != provenance.deciding("4567")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert provenance.deciding("0123") != first


def test_of_several_that_make_a_folder_one_does_and_the_others_take_it(tmp_path):
    folder, together = tmp_path / "folder", threading.Barrier(4)

    def make(number: int) -> str:
        together.wait()
        with files.alone(folder, "record") as made:
            if not made:
                folder.mkdir()  # fails where another has made it
                time.sleep(0.2)
                (folder / "record").write_text(str(number))
        return (folder / "record").read_text()

    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(make, range(4)))
    assert len(set(records)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
