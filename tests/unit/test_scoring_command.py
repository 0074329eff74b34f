"""python -m softshot.scoring for any system's output: lines of predictions beside official files or references.

python -m pytest tests/unit/test_scoring_command.py
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from softshot.errors import UserError
from softshot.files import read_jsonl
from softshot.scoring import __main__ as program
from softshot.scoring.command import line_records, plain_lines

MTOP = [
    "1\tIN:A\t\tset an alarm\talarm\ten_XX\t[IN:A [SL:B alarm ] ]\t{}",
    "2\tIN:C\t\tplay it\tmusic\ten_XX\t[IN:C ]\t{}",
]


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the program with these arguments; returns what it printed, as JSON."""

    def run(*arguments: object) -> dict:
        monkeypatch.setattr("sys.argv", ["softshot.scoring", *map(str, arguments)])
        program.main()
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def mtop(tmp_path) -> Path:
    """Two rows in the official layout, and predictions of which the first is right."""
    (tmp_path / "mtop/en").mkdir(parents=True)
    (tmp_path / "mtop/en/eval.txt").write_text("\n".join(MTOP) + "\n")
    (tmp_path / "predictions.txt").write_text("[IN:A [SL:B alarm ] ]\n[IN:C\n")
    return tmp_path


def write(path: Path, *lines: str) -> Path:
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# Official files


@pytest.mark.parametrize("split", ["validation", "dev", "valid", "eval", None])
def test_a_split_goes_by_its_official_names_too(mtop, command, split):
    options = ["--split", split] if split else []  # validation is the split of MTOP that is scored
    found = command("--task", "mtop", "--data", mtop, *options, "--predictions", mtop / "predictions.txt")
    assert (found["main"], found["n"]) == ("exact_match", 2)
    assert {name: found["scores"][name] for name in ("exact_match", "frame_accuracy", "invalid")} == {
        "exact_match": 50,
        "frame_accuracy": 50,
        "invalid": 50,
    }


def test_data_may_be_the_splits_file(mtop, command):
    predictions = ["--predictions", mtop / "predictions.txt", "--metrics", "frame_accuracy", "exact_match"]
    found = command("--task", "mtop", "--split", "eval", "--data", mtop / "mtop/en/eval.txt", *predictions)
    assert found["main"] == "frame_accuracy"
    assert list(found["scores"]) == ["frame_accuracy", "intent_accuracy", "invalid", "exact_match"]


def test_per_record_values_are_the_scores_of_the_record_alone(mtop, command):
    options = ["--data", mtop, "--predictions", mtop / "predictions.txt", "--per-record", mtop / "out/records.jsonl"]
    command("--task", "mtop", "--metrics", "exact_match", "frame_accuracy", *options)
    right = {"exact_match": 100, "frame_accuracy": 100, "intent_accuracy": 100, "invalid": 0}
    wrong = {"exact_match": 0, "frame_accuracy": 0, "intent_accuracy": 0, "invalid": 100}
    assert read_jsonl(mtop / "out/records.jsonl") == [
        {"id": "mtop-validation-1", "prediction": "[IN:A [SL:B alarm ] ]", "scores": right},
        {"id": "mtop-validation-2", "prediction": "[IN:C", "scores": wrong},
    ]


def test_subsets_are_printed_and_named_per_record(real_data, command, tmp_path):
    folder = real_data / "metrics/totto"
    options = ["--predictions", folder / "output_sample.txt", "--per-record", tmp_path / "records.jsonl"]
    found = command("--task", "totto", "--data", folder / "dev_sample.jsonl", *options)
    assert {name: part["n"] for name, part in found["subsets"].items()} == {"overlap": 3, "non-overlap": 2}
    rows = read_jsonl(tmp_path / "records.jsonl")
    assert [row["subset"] for row in rows].count("overlap") == 3
    mean = sum(row["scores"]["parent"] for row in rows) / 5
    assert mean == pytest.approx(found["scores"]["parent"], rel=1e-12)


def test_a_task_of_ones_own_is_read_from_a_study(tmp_path, command):
    write(tmp_path / "test.csv", "question,answer", "one?,yes", "two?,no")
    write(tmp_path / "train.csv", "question,answer", "three?,yes")
    files = f"{{train: {tmp_path}/train.csv, test: {tmp_path}/test.csv}}"
    table = "{input: '{question}', target: '{answer}'}"
    own = f"{{files: {files}, table: {table}, carve: {{held_out: 0.1}}, metrics: [exact_match, token_f1]}}"
    config = write(tmp_path / "study.yaml", "data:", f"  own: {{quiz: {own}}}")
    predictions = write(tmp_path / "predictions.txt", "yes", "yes")
    found = command("--config", config, "--task", "quiz", "--predictions", predictions)
    assert found["scores"] == {"exact_match": 50, "token_f1": 50}


# References


def test_lines_of_references_replace_a_task(tmp_path, command):
    first, second = write(tmp_path / "a", "one two", "", "five"), write(tmp_path / "b", "three", "four", "")
    predictions = write(tmp_path / "p", "three", "four", "six")
    options = ["--references", first, second, "--predictions", predictions]
    assert command(*options, "--metrics", "exact_match", "rouge_l")["scores"]["exact_match"] == pytest.approx(200 / 3)
    assert [row["references"] for row in line_records([first, second])] == [["one two", "three"], ["four"], ["five"]]
    assert command(*options, "--task", "dart")["main"] == "dart_bleu"


def test_spiders_gold_file_stands_beside_its_schemas(real_data, command):
    folder = real_data / "metrics/spider"
    options = ["--references", folder / "gold_example.txt", "--predictions", folder / "pred_example.txt"]
    found = command("--task", "spider", "--data", real_data / "spider", "--metrics", "exact_set_match", *options)
    assert {name: part["n"] for name, part in found["subsets"].items()} == {
        "easy": 250,
        "medium": 440,
        "hard": 174,
        "extra": 170,
    }
    parts = {name: f"{part['scores']['exact_set_match'] / 100:.3f}" for name, part in found["subsets"].items()}
    assert parts == {"easy": "0.852", "medium": "0.720", "hard": "0.718", "extra": "0.388"}
    assert f"{found['scores']['exact_set_match'] / 100:.3f}" == "0.697"


def test_spiders_gold_file_is_a_file_of_predictions_too(real_data, command, tmp_path):
    """Its lines end in the database, and need not; what a query itself has of tabs stays."""
    gold, options = real_data / "metrics/spider/gold_example.txt", ["--task", "spider", "--data", real_data / "spider"]
    options += ["--metrics", "exact_set_match", "exact_set_match_values"]
    right = {"exact_set_match": 100, "exact_set_match_values": 100}
    assert command(*options, "--references", gold, "--predictions", gold)["scores"] == right
    first, *dev = json.loads((real_data / "spider/dev.json").read_text(encoding="utf-8"))
    lines = [f"{row['query']}\t{row['db_id']}" for row in dev]
    predictions = write(tmp_path / "p", first["query"].replace(" ", "\t"), *lines)
    assert command(*options, "--predictions", predictions)["scores"] == right


def test_a_query_for_another_database_is_an_error_with_the_line(real_data, command, tmp_path):
    lines = (real_data / "metrics/spider/gold_example.txt").read_text(encoding="utf-8").splitlines()
    gold = write(tmp_path / "gold", lines[0], lines[100])
    predictions = write(tmp_path / "p", lines[0], lines[0])
    options = ["--task", "spider", "--data", real_data / "spider", "--references", gold, "--predictions", predictions]
    with pytest.raises(UserError, match=r"p, line 2: a query for concert_singer, where the record is about car_1"):
        command(*options)


# What is wrong is named


@pytest.mark.parametrize(
    "options, message",
    [
        (
            ["--task", "mtop", "--data", "{}", "--split", "dve"],
            r"--split dve: mtop has no file of it; known splits: tr",
        ),
        (["--task", "totto", "--data", "{}", "--split", "test"], r"totto has no file of it; .*dev, valid, eval\."),
        (["--task", "totto", "--data", "{}", "--split", "held_out"], r"a study carves it .*/totto/held_out\.jsonl"),
        (["--task", "mtpo", "--data", "{}"], r"no task 'mtpo'\. Did you mean mtop\?"),
        (["--task", "mtop"], r"give --data, the folder that holds mtop/en/eval.txt, or --references"),
        (["--task", "mtop", "--data", "{}/none"], r"none/mtop/en/eval.txt: cannot be read"),
        (["--task", "mtop", "--data", "{}", "--metrics", "blue"], r"no metric is called blue; did you mean bleu\?"),
        (["--task", "mtop", "--data", "{}", "--metrics", "blec"], r"blec reads logic in a record's `meta`"),
        (["--task", "mtop", "--data", "{}", "--references", "{}/r"], r"give --data or --references, not both"),
        (["--task", "totto", "--references", "{}/r"], r"parent reads table, .* which --references does not hold"),
        (["--task", "spider", "--references", "{}/r"], r"--references for Spider needs --data DIR too"),
        (["--task", "mtop", "--references", "{}/r", "{}/s"], r"s has 3 lines, but .*r has 2"),
        (["--task", "mtop", "--references", "{}/s"], r"s, line 2: no reference in this or any other file"),
        (["--references", "{}/r"], r"give --task, or --metrics with --references"),
        (["--metrics", "bleu"], r"give --task and --data, or --references"),
        (["--config", "{}/none.yaml", "--task", "mtop"], r"--config .*none.yaml: cannot be read"),
        (["--config", "{}/bad.yaml", "--task", "mtop"], r"bad.yaml: data has 1 fault\(s\):\n  owm: no such setting"),
    ],
)
def test_errors_say_what_to_do(mtop, command, options, message):
    write(mtop / "r", "a", "b")
    write(mtop / "s", "a", "", "c")
    write(mtop / "bad.yaml", "data: {owm: {}}")
    with pytest.raises(UserError, match=message):
        command(*(option.replace("{}", str(mtop)) for option in options), "--predictions", mtop / "predictions.txt")


@pytest.mark.parametrize("place", ["{}/predictions.txt/rows.jsonl", "{}", "{}/fifo", "/proc/rows.jsonl"])
def test_a_place_where_no_file_can_be_is_an_error(mtop, command, place):
    os.mkfifo(mtop / "fifo")
    options = ["--task", "mtop", "--data", mtop, "--predictions", mtop / "predictions.txt"]
    with pytest.raises(UserError, match=r"--per-record .*: no file can be written there"):
        command(*options, "--per-record", place.format(mtop))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_lines_names_both_files(mtop, command, count):
    predictions = write(mtop / "p.txt", *["x"] * count)
    message = f"{predictions} has {count} lines, but {mtop}/mtop/en/eval.txt has 2 records"
    with pytest.raises(UserError, match=re.escape(message)):
        command("--task", "mtop", "--data", mtop, "--predictions", predictions, "--per-record", mtop / "out")
    assert not (mtop / "out").exists()


def test_faults_of_spiders_gold_file_have_their_line(tmp_path, command, real_data):
    predictions = write(tmp_path / "p", "select 1", "select 1")
    options = ["--task", "spider", "--data", real_data / "spider", "--predictions", predictions, "--references"]
    with pytest.raises(UserError, match=r"gold, line 2: not `SQL<tab>database`"):
        command(*options, write(tmp_path / "gold", "SELECT count(*) FROM singer\tconcert_singer", "SELECT 1"))
    with pytest.raises(UserError, match=r'gold, line 1: tables.json has no schema of "nowhere"'):
        command(*options, write(tmp_path / "gold", "SELECT 1\tnowhere"))


# Lines


def test_only_line_feeds_end_a_line(tmp_path):
    path = tmp_path / "p"
    path.write_bytes("a\u2028b\x0b\x0c\x85\r\n\r\n \rc\0\n\N{FISH}".encode())
    assert plain_lines(path) == ["a\u2028b\x0b\x0c\x85", "", " \rc\0", "\N{FISH}"]
    assert plain_lines(write(path, "a", "")) == ["a", ""]
    path.write_bytes(b"")
    assert plain_lines(path) == []


def test_other_bytes_than_utf8_are_an_error_with_the_line(tmp_path):
    (tmp_path / "p").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(UserError, match=r"p, line 2: not UTF-8 text .*; save it as UTF-8"):
        plain_lines(tmp_path / "p")


def test_the_command_needs_no_model(tmp_path):
    references, predictions = write(tmp_path / "r", "a b c d"), write(tmp_path / "p", "a b c d")
    source = (
        "import sys; from softshot.scoring.__main__ import main; main();"
        "assert not {'torch', 'transformers', 'datasets', 'nltk'} & set(sys.modules)"
    )
    options = ["--references", references, "--metrics", "bleu", "ter", "--predictions", predictions]
    finished = subprocess.run([sys.executable, "-c", source, *map(str, options)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["scores"] == {"bleu": pytest.approx(100), "ter": 0}
