"""The metrics: equal to sacrebleu where it has them, and to the official figures; their registry."""

import random
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from scored import statistics_of

from softshot import catalogue
from softshot.data.convert import read_records
from softshot.errors import UserError
from softshot.scoring import registry, score

WORDS = ["The", "the", "a", "river", "Airport", "is", "in", "named", "3,500.0", "near", "Arms.", "it's", "(UK)", "élan"]
SACREBLEU = ["bleu", "totto_bleu", "chrf", "ter"]


def made_up_references() -> list[list[str]]:
    """One to five references for 60 records, from a handful of words."""
    generator = random.Random(5)
    return [
        [" ".join(generator.choices(WORDS, k=generator.randint(1, 25))) for _ in range(generator.randint(1, 5))]
        for _ in range(60)
    ]


def official(real_data: Path, task: str, split: str, file: str | None = None) -> list[dict]:
    """The records of a split's official file, or of another file like it."""
    entry = catalogue.task_entry(task, {})
    return list(read_records(task, entry, real_data / (file or f"{task}/{entry.files[split]}"), split))


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
    if request.param == "made up":
        references = made_up_references()
    else:
        records = official(request.getfixturevalue("real_data"), "dart", "test")
        references = [record["references"] for record in records]
    generator = random.Random(1)
    predictions = [perturbed(generator.choice(texts), generator) for texts in references]
    assert "" in predictions
    assert len({len(texts) for texts in references}) > 2
    return predictions, references


def by_sacrebleu(name: str, predictions: list[str], references: list[list[str]]):
    """sacrebleu's metric and its corpus score by the public interface, whose references are streams: first, ..."""
    if name == "totto_bleu":
        predictions = [text or "<null>" for text in predictions]
        streams = [[texts[i] if i < len(texts) else "<null>" for texts in references] for i in range(3)]
        metric = BLEU(lowercase=True)
    else:
        streams = list(zip_longest(*references))
        metric = {"bleu": BLEU, "chrf": CHRF, "ter": TER}[name]()
    return metric, metric.corpus_score(predictions, streams).score


# Equalities with sacrebleu


@pytest.mark.parametrize("name", SACREBLEU)
def test_summed_statistics_score_as_sacrebleu_scores_the_corpus(corpus, name):
    rows = statistics_of(name, *corpus)
    found = registry.metric(name).scores(score.total(rows))
    assert found == {name: pytest.approx(by_sacrebleu(name, *corpus)[1], rel=1e-12, abs=0)}
    assert 5 < found[name] < 95


@pytest.mark.parametrize("name", SACREBLEU)
def test_any_subset_scores_as_sacrebleu_scores_it(corpus, name):
    predictions, references = corpus
    rows = statistics_of(name, predictions, references)
    for seed in range(5):
        subset = random.Random(seed).sample(range(len(rows)), k=len(rows) // 3)
        _, expected = by_sacrebleu(name, [predictions[i] for i in subset], [references[i] for i in subset])
        found = registry.metric(name).scores(score.total([rows[i] for i in subset]))
        assert found == {name: pytest.approx(expected, rel=1e-12, abs=0)}


@pytest.mark.parametrize("name", SACREBLEU)
def test_signature_is_sacrebleus(corpus, name):
    theirs, _ = by_sacrebleu(name, *corpus)
    assert registry.metric(name).signature == str(theirs.get_signature())


# The official figures


def test_totto_bleu_is_the_official_one(real_data):
    records = official(real_data, "totto", "validation", "metrics/totto/dev_sample.jsonl")
    predictions = (real_data / "metrics/totto/output_sample.txt").read_text(encoding="utf-8").splitlines()
    metrics = [registry.metric("totto_bleu")]
    found = score.summary(metrics, records, score.statistics(metrics, records, predictions))
    assert round(found["scores"]["totto_bleu"], 1) == 45.5
    assert {name: round(part["scores"]["totto_bleu"], 1) for name, part in found["subsets"].items()} == {
        "overlap": 37.2,
        "non-overlap": 58.3,
    }


def test_blec_of_the_gold_sentences_is_the_official_one(real_data):
    """Of the whole validation split: the evaluator prints 0.8941."""
    blec = registry.metric("blec")
    lines = (real_data / "metrics/logic2text/gold.tsv").read_text(encoding="utf-8").splitlines()
    gold = [{"meta": {"logic": logic}, "target": text} for logic, text in (line.split("\t") for line in lines)]
    assert score.total([blec.statistics(record["target"], record) for record in gold]) == [979, 1095]
    copied = score.total([blec.statistics(record["meta"]["logic"], record) for record in gold])
    assert f"{blec.scores(copied)['blec']:.1f}" == "82.3"  # the logical form is nearly as good a sentence


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_mtop_gold_forms_are_right_against_themselves(real_data, split):
    metrics = [registry.metric(name) for name in ("exact_match", "frame_accuracy")]
    records = official(real_data, "mtop", split)
    predictions = [record["target"] for record in records]
    found = score.summary(metrics, records, score.statistics(metrics, records, predictions))["scores"]
    assert found == {"exact_match": 100, "frame_accuracy": 100, "intent_accuracy": 100, "invalid": 0}


# The registry


def test_unknown_metric_is_an_error_with_a_suggestion():
    with pytest.raises(UserError, match=r"no metric is called exact-match; did you mean exact_match\?"):
        registry.metric("exact-match")
    with pytest.raises(UserError, match="known metrics: bleu, dart_bleu, totto_bleu"):
        registry.metric("perplexity")


def test_names_are_checked_without_loading_what_computes_them():
    program = (
        "import sys; from softshot.scoring import registry; [registry.check(name) for name in registry.METRICS];"
        "heavy = {'torch', 'sacrebleu', 'nltk', 'rouge_score', 'sqlite3', 'numpy', 'softshot.scoring.spider'};"
        "print(*heavy & set(sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (0, "\n"), finished.stderr


def test_every_name_is_its_class_and_every_need_a_name():
    assert [registry.metric_class(name).name for name in registry.METRICS] == list(registry.METRICS)
    assert registry.NEEDS.keys() <= registry.METRICS.keys()
