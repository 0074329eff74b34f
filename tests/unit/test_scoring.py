"""Scoring a run: predictions beside records, subsets, and the files that the program writes.

python -m pytest tests/unit/test_scoring.py
"""

import json
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from softshot.errors import UserError
from softshot.files import read_json, write_jsonl
from softshot.scoring import registry, score


class Counting:
    """A metric that can score only predictions with a letter."""

    name, signature = "counting", "v1"

    def statistics(self, prediction: str, record: dict) -> list[float]:
        return [float(len(prediction)), float(bool(prediction))]

    def scores(self, summed: list[float]) -> dict[str, float]:
        return {"counting": summed[0] / summed[1]} if summed[1] else {}

    def note(self, summed: list[float], n: int) -> str | None:
        return f"{n - int(summed[1])} of {n} records do not count" if summed[1] < n else None


def record(id: str, reference: str, subset: str | None = None) -> dict:
    """A record with one reference."""
    meta = {"subset": subset} if subset else {}
    return {"id": id, "input": "i", "target": reference, "references": [reference], "meta": meta}


def scored(names: list[str], records: list[dict], predictions: list[str]) -> dict:
    """What scores.json would say."""
    metrics = [registry.metric(name) for name in names]
    return score.summary(metrics, records, score.statistics(metrics, records, predictions))


@pytest.fixture
def run_folder(tmp_path) -> Path:
    """A folder with records.jsonl and fitting predictions.jsonl, the predictions in another order."""
    rows = [("a", "The river is near.", "the river is near ."), ("b", "It runs.", "It runs."), ("c", "No.", "")]
    records = [record(id, target, subset) for (id, target, _), subset in zip(rows, ["x", "y", None], strict=True)]
    write_jsonl(tmp_path / "records.jsonl", records)
    write_jsonl(tmp_path / "predictions.jsonl", [{"id": id, "prediction": text} for id, _, text in reversed(rows)])
    return tmp_path


def arguments(folder: Path, metrics: list[str]) -> list[str]:
    """Those of the workflow's use of the program."""
    found = ["--settings", json.dumps({"metrics": metrics}), "--records", folder / "records.jsonl"]
    return [*map(str, found), "--predictions", str(folder / "predictions.jsonl"), "--out", str(folder / "run")]


def run(folder: Path, metrics: list[str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "softshot.scoring", *arguments(folder, metrics)]
    return subprocess.run(command, capture_output=True, text=True)


# Subsets and sums


@pytest.fixture(scope="module")
def corpus() -> tuple[list[dict], list[str]]:
    """Records of three subsets and of none, and predictions near them."""
    generator = random.Random(3)
    words = ["the", "a", "river", "runs", "north", "of", "Ross", "and", "3.5", "°", "élan", ",", "."]
    records, predictions = [], []
    for number in range(80):
        reference = generator.choices(words, k=generator.randint(1, 12))
        records.append(record(f"r{number}", " ".join(reference), generator.choice(["hard", "easy", "zoo", None])))
        predictions.append(" ".join(word for word in reference if generator.random() > 0.2))
    return records, predictions


WITHOUT = (*registry.NEEDS, *registry.OF_CHOICES, registry.LEARNED)  # metrics of particular records
GENERAL = [name for name in registry.METRICS if name not in WITHOUT]


def test_a_subsets_scores_are_those_of_the_subset_alone(corpus):
    records, predictions = corpus
    found = scored(GENERAL, records, predictions)
    assert list(found["subsets"]) == ["easy", "hard", "zoo"]  # official ones in the official order
    for subset, part in found["subsets"].items():
        chosen = [place for place, row in enumerate(records) if row["meta"].get("subset") == subset]
        alone = scored(GENERAL, [records[i] for i in chosen], [predictions[i] for i in chosen])
        assert part == {"n": len(chosen), "scores": alone["scores"]}
        assert part["scores"] != found["scores"]


def test_the_order_of_the_records_makes_no_difference(corpus):
    records, predictions = corpus
    expected = scored(GENERAL, records, predictions)
    for seed in range(5):
        pairs = list(zip(records, predictions, strict=True))
        random.Random(seed).shuffle(pairs)
        assert scored(GENERAL, *map(list, zip(*pairs, strict=True))) == expected


def test_lower_is_better_is_said(corpus):
    assert scored(["bleu", "ter"], *corpus)["lower_is_better"] == ["ter"]


def test_what_cannot_be_scored_is_left_out_and_noted():
    records = [record("a", "x", "easy"), record("b", "y", "hard")]
    metrics = [registry.metric("exact_match"), Counting()]
    found = score.summary(metrics, records, score.statistics(metrics, records, ["", ""]))
    assert found["scores"] == {"exact_match": 0}
    assert found["notes"] == {"counting": "2 of 2 records do not count"}
    found = score.summary(metrics, records, score.statistics(metrics, records, ["abc", ""]))
    assert found["scores"] == {"exact_match": 0, "counting": 3}
    assert found["subsets"]["hard"] == {"n": 1, "scores": {"exact_match": 0}}
    assert found["notes"] == {"counting": "1 of 2 records do not count"}


def test_a_main_metric_that_scores_nothing_is_an_error():
    metrics, records = [Counting()], [record("a", "x")]
    with pytest.raises(UserError, match="counting could score nothing: 1 of 1 records do not count; put another"):
        score.summary(metrics, records, score.statistics(metrics, records, [""]))


def test_a_metric_of_another_task_is_an_error():
    with pytest.raises(UserError, match=r"blec reads logic in a record's `meta`, which 1 record\(s\) a lack"):
        scored(["bleu", "blec"], [record("a", "x")], ["y"])


# Any texts


def test_any_texts_are_scored_as_a_runs_predictions_are(run_folder):
    """What baselines are scored with: gold against gold, the input copied, nothing."""
    finished = run(run_folder, ["bleu", "exact_match"])
    assert finished.returncode == 0, finished.stderr
    records, outputs = score.read_pairs(run_folder / "records.jsonl", run_folder / "predictions.jsonl")
    scores, statistics = score.score_texts(["bleu", "exact_match"], records, outputs.texts)
    written = read_json(run_folder / "run" / "scores.json")
    assert {key: written[key] for key in scores} == scores
    table = pq.read_table(run_folder / "run" / "scores.parquet").to_pydict()
    assert {name: table[name] for name in statistics} == statistics

    gold, _ = score.score_texts(["exact_match"], records, [record["target"] for record in records])
    empty, _ = score.score_texts(["exact_match"], records, [""] * len(records))
    assert (gold["scores"]["exact_match"], empty["scores"]["exact_match"]) == (100, 0)
    assert empty["outputs"] == {"empty": 100, "cut": None, "characters": 0, "tokens": None}


def test_scores_say_how_many_outputs_are_empty_and_cut_and_how_long_they_are(run_folder):
    rows = [("a", "four", 3, True), ("b", "", 1, True), ("c", "not at its end", 8, False)]
    rows = [
        {"id": id, "prediction": text, "output_tokens": tokens, "stopped": stopped}
        for id, text, tokens, stopped in rows
    ]
    write_jsonl(run_folder / "predictions.jsonl", rows)
    assert run(run_folder, ["exact_match"]).returncode == 0
    outputs = read_json(run_folder / "run" / "scores.json")["outputs"]
    assert outputs == {"empty": pytest.approx(100 / 3), "cut": pytest.approx(100 / 3), "characters": 6, "tokens": 4}


# Predictions that do not fit


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda rows: rows[1:], r"1 record\(s\) c not predicted"),
        (lambda rows: [*rows, {"id": "z", "prediction": "x"}], r"1 record\(s\) z unknown"),
        (lambda rows: [*rows, {"id": "b", "prediction": "x"}], "line 4: a second prediction for record b"),
        (lambda rows: [{"id": "c"}, *rows[1:]], "line 1: not a row with the texts"),
        (lambda rows: [{"id": "c", "prediction": None}, *rows[1:]], "line 1: not a row with the texts"),
        (lambda rows: [["c", "text"], *rows[1:]], "line 1: not a row with the texts"),
    ],
)
def test_predictions_that_do_not_fit_the_records_are_errors(run_folder, change, message):
    predictions = run_folder / "predictions.jsonl"
    write_jsonl(predictions, change([json.loads(line) for line in predictions.read_text().splitlines()]))
    with pytest.raises(UserError, match=message):
        score.read_pairs(run_folder / "records.jsonl", predictions)


def test_records_without_references_are_errors(run_folder):
    records = run_folder / "records.jsonl"
    write_jsonl(records, [{"id": f"r{i}", "references": []} for i in range(5)])
    with pytest.raises(UserError, match=r"5 record\(s\) r0, r1, r2, \.\.\. without a reference"):
        score.read_pairs(records, run_folder / "predictions.jsonl")
    write_jsonl(records, [])
    with pytest.raises(UserError, match="holds no records"):
        score.read_pairs(records, run_folder / "predictions.jsonl")


# The program


def test_program_writes_scores_and_the_statistics_they_are_summed_from(run_folder):
    names = ["exact_match", "bleu", "chrf"]
    finished = run(run_folder, names)
    assert finished.returncode == 0, finished.stderr
    written = read_json(run_folder / "run" / "scores.json")
    assert (written["main"], written["n"]) == ("exact_match", 3)
    assert list(written["scores"]) == list(written["signatures"]) == names
    assert written["scores"]["exact_match"] == pytest.approx(100 / 3)
    assert {name: part["scores"]["exact_match"] for name, part in written["subsets"].items()} == {"x": 0, "y": 100}
    assert (written["lower_is_better"], list(written["notes"])) == ([], ["bleu"])  # two references of two words

    table = pq.read_table(run_folder / "run" / "scores.parquet").to_pydict()
    assert list(table) == ["id", "subset", *names]
    assert (table["id"], table["subset"]) == (["a", "b", "c"], ["x", "y", None])
    for name in names:
        assert registry.metric(name).scores(score.total(table[name])) == {name: written["scores"][name]}


def test_program_leaves_nothing_behind_when_the_predictions_do_not_fit(run_folder):
    write_jsonl(run_folder / "predictions.jsonl", [{"id": "a", "prediction": "x"}])
    finished = run(run_folder, ["bleu"])
    assert finished.returncode == 1
    assert finished.stderr.startswith("softshot: ")
    assert "2 record(s) b, c not predicted" in finished.stderr
    assert not (run_folder / "run").exists()


def test_program_refuses_an_empty_list_of_metrics(run_folder):
    finished = run(run_folder, [])
    assert finished.returncode == 1
    assert "metrics: " in finished.stderr


@pytest.mark.parametrize("absent", ["--settings", "--records", "--out"])
def test_program_says_which_options_belong_together(run_folder, absent):
    given = arguments(run_folder, ["bleu"])
    place = given.index(absent)
    command = [sys.executable, "-m", "softshot.scoring", *given[:place], *given[place + 2 :]]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 2
    assert "a run of the workflow: give --" in finished.stderr


@pytest.mark.parametrize(
    "metrics, absent",
    [(["exact_match"], "torch transformers sacrebleu nltk sqlite3"), (["bleu", "chrf"], "torch transformers nltk")],
)
def test_program_imports_only_what_its_metrics_need(run_folder, metrics, absent):
    program = (
        "import sys; from softshot.scoring.__main__ import main; main();"
        f"assert not set('{absent}'.split()) & set(sys.modules)"
    )
    command = [sys.executable, "-c", program, *arguments(run_folder, metrics)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
