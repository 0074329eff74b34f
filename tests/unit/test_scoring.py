"""Scoring: corpus scores equal to sacrebleu's, and statistics that any subset's score is summed from.

python -m pytest tests/unit/test_scoring.py
"""

import json
import random
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sacrebleu.metrics import BLEU, CHRF

from softshot.errors import UserError
from softshot.files import read_json, write_jsonl
from softshot.scoring import registry, score

WORDS = ["The", "the", "a", "river", "Airport", "is", "in", "named", "3,500.0", "near", "Arms.", "it's", "(UK)", "élan"]


def made_up_references() -> list[list[str]]:
    """One to five references for 60 records, from a handful of words."""
    generator = random.Random(5)
    return [
        [" ".join(generator.choices(WORDS, k=generator.randint(1, 25))) for _ in range(generator.randint(1, 5))]
        for _ in range(60)
    ]


def dart_references(shared_data: Path) -> list[list[str]]:
    rows = json.loads((shared_data / "dart" / "dart-v1.1.1-full-test.json").read_text(encoding="utf-8"))
    return [[" ".join(annotation["text"].split()) for annotation in row["annotations"]] for row in rows]


def perturbed(text: str, generator: random.Random) -> str:
    """Words dropped and swapped, sometimes nothing left: what a model might have said."""
    words = [word for word in text.split() if generator.random() > 0.15]
    if len(words) > 3 and generator.random() < 0.5:
        first = generator.randrange(len(words) - 1)
        words[first : first + 2] = reversed(words[first : first + 2])
    return "" if generator.random() < 0.05 else " ".join(words)


@pytest.fixture(scope="module", params=["made up", "dart"])
def corpus(request) -> tuple[list[str], list[list[str]]]:
    """Predictions and their references."""
    made_up = request.param == "made up"
    references = made_up_references() if made_up else dart_references(request.getfixturevalue("shared_data"))
    generator = random.Random(1)
    predictions = [perturbed(generator.choice(texts), generator) for texts in references]
    assert "" in predictions
    assert len({len(texts) for texts in references}) > 2
    return predictions, references


def sacrebleu_score(name: str, predictions: list[str], references: list[list[str]]) -> float:
    """The corpus score by sacrebleu's public interface, whose references are streams: first, second, ..."""
    if name == "bleu":
        cut = [texts[:3] for texts in references]
        streams = [[texts[i] if i < len(texts) else "" for texts in cut] for i in range(3)]
        return BLEU(lowercase=True).corpus_score(predictions, streams).score
    return CHRF().corpus_score(predictions, list(zip_longest(*references))).score


@pytest.fixture
def run_folder(tmp_path) -> Path:
    """A folder with records.jsonl and fitting predictions.jsonl, the predictions in another order."""
    rows = [("a", "The river is near.", "the river is near ."), ("b", "It runs.", "It runs."), ("c", "No.", "")]
    records = [{"id": id, "input": "i", "target": t, "references": [t], "meta": {}} for id, t, _ in rows]
    write_jsonl(tmp_path / "records.jsonl", records)
    write_jsonl(tmp_path / "predictions.jsonl", [{"id": id, "prediction": text} for id, _, text in reversed(rows)])
    return tmp_path


def run(folder: Path, metrics: list[str]) -> subprocess.CompletedProcess:
    arguments = ["--settings", json.dumps({"metrics": metrics}), "--records", folder / "records.jsonl"]
    arguments += ["--predictions", folder / "predictions.jsonl", "--out", folder / "run"]
    return subprocess.run(
        [sys.executable, "-m", "softshot.scoring", *map(str, arguments)], capture_output=True, text=True
    )


# Equalities with sacrebleu


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_summed_statistics_score_as_sacrebleu_scores_the_corpus(corpus, name):
    predictions, references = corpus
    metric = registry.metric(name)
    rows = [metric.statistics(*pair) for pair in zip(predictions, references, strict=True)]
    assert metric.score(score.total(rows)) == sacrebleu_score(name, predictions, references)
    assert 5 < metric.score(score.total(rows)) < 95


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_any_subset_scores_as_sacrebleu_scores_it(corpus, name):
    predictions, references = corpus
    metric = registry.metric(name)
    rows = [metric.statistics(*pair) for pair in zip(predictions, references, strict=True)]
    for seed in range(5):
        subset = random.Random(seed).sample(range(len(rows)), k=len(rows) // 3)
        expected = sacrebleu_score(name, [predictions[i] for i in subset], [references[i] for i in subset])
        assert metric.score(score.total([rows[i] for i in subset])) == expected


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_signature_is_sacrebleus(corpus, name):
    predictions, references = corpus
    reference_metric = {"bleu": BLEU(lowercase=True), "chrf": CHRF()}[name]
    streams = list(zip_longest(*[texts[:3] for texts in references], fillvalue="" if name == "bleu" else None))
    reference_metric.corpus_score(predictions, streams)
    assert registry.metric(name).signature == str(reference_metric.get_signature())


# What the metrics mean


@pytest.mark.parametrize("name", list(registry.METRICS))
def test_references_score_100_and_empty_predictions_0(name):
    metric = registry.metric(name)
    references = ["The river lies near the runway in the north.", "No word of this one.", "Nor of this one here."]
    perfect, empty = metric.statistics(references[0], references), metric.statistics("", references)
    assert metric.score(perfect) == pytest.approx(100)
    assert metric.score(empty) == 0
    assert 0 < metric.score(score.total([perfect, empty])) < 99


def test_bleu_takes_the_first_three_references_in_lower_case():
    bleu = registry.metric("bleu")
    references = ["one two three four", "five six seven eight", "nine ten eleven twelve", "RIGHT AT THE END"]
    assert bleu.statistics("right at the end", references)[2:6] == [0, 0, 0, 0]
    assert bleu.statistics("right at the end", references[1:])[2:6] == [4, 3, 2, 1]


def test_bleu_counts_a_missing_reference_as_an_empty_one():
    bleu = registry.metric("bleu")
    reference = "one two three four five six"
    assert bleu.statistics("one two", [reference])[:2] == [2, 0]  # closest reference length: the empty one's
    assert bleu.statistics("one two three four", [reference])[:2] == [4, 6]
    assert bleu.statistics("one two", [reference] * 3)[:2] == [2, 6]
    assert bleu.statistics("", [reference]) == [0] * 10  # so an empty prediction costs nothing there


def test_chrf_takes_the_best_of_all_references():
    chrf = registry.metric("chrf")
    references = ["zzz", "yyy", "xxx", "the right one"]
    assert chrf.statistics("the right one", references) == chrf.statistics("the right one", references[3:])


@pytest.mark.parametrize(
    "prediction, equal",
    [
        ("[IN:GET_EVENT [SL:DATE in 2018 ] ]", 1),
        ("  [IN:GET_EVENT\t[SL:DATE  in 2018 ] ] ", 1),
        ("[IN:GET_EVENT [SL:DATE in 2018 ]]", 0),
        ("[IN:GET_EVENT [SL:DATE In 2018 ] ]", 0),
        ("[IN:GET_EVENT [SL:DATE in 2018 ] ] .", 0),
        ("", 0),
    ],
)
def test_exact_match_normalises_white_space_and_repairs_nothing(prediction, equal):
    metric = registry.metric("exact_match")
    assert metric.statistics(prediction, ["[IN:GET_EVENT [SL:DATE in  2018 ] ]"]) == [equal, 1]


def test_exact_match_is_a_percentage_over_records_and_any_reference_counts():
    metric = registry.metric("exact_match")
    rows = [metric.statistics(text, ["a b", "c d"]) for text in ("c d", "a d", "a b", "a")]
    assert metric.score(score.total(rows)) == 50


def test_unknown_metric_is_an_error_with_a_suggestion():
    with pytest.raises(UserError, match=r"no metric is called exact-match; did you mean exact_match\?"):
        registry.metric("exact-match")
    with pytest.raises(UserError, match="known metrics: bleu, chrf, exact_match"):
        registry.metric("perplexity")


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
    metrics = ["exact_match", "bleu", "chrf"]
    finished = run(run_folder, metrics)
    assert finished.returncode == 0, finished.stderr
    written = read_json(run_folder / "run" / "scores.json")
    assert (written["main"], written["n"]) == ("exact_match", 3)
    assert list(written["scores"]) == list(written["signatures"]) == metrics
    assert written["scores"]["exact_match"] == pytest.approx(100 / 3)

    table = pq.read_table(run_folder / "run" / "scores.parquet").to_pydict()
    assert list(table) == ["id", *metrics]
    assert table["id"] == ["a", "b", "c"]
    for name in metrics:
        assert registry.metric(name).score(score.total(table[name])) == written["scores"][name]


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


@pytest.mark.parametrize("metrics, absent", [(["exact_match"], "torch sacrebleu"), (["bleu", "chrf"], "torch")])
def test_program_imports_only_what_its_metrics_need(run_folder, metrics, absent):
    program = (
        "import sys; from softshot.scoring.__main__ import main; main();"
        f"assert not set('{absent}'.split()) & set(sys.modules)"
    )
    arguments = ["--settings", json.dumps({"metrics": metrics}), "--records", run_folder / "records.jsonl"]
    arguments += ["--predictions", run_folder / "predictions.jsonl", "--out", run_folder / "run"]
    finished = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
