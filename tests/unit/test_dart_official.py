"""DART's BLEU and TER are what multi-bleu.perl and tercom 0.7.25 print, to the last digit.

tests/data/metrics/dart: the first 300 lines of the official test files and 200 more, BART's predictions for them, and
the texts that they were made from. The figures are those that the two programs of the official evaluation printed.
"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored import record_of

from softshot.scoring import registry, score
from softshot.scoring.dart import tokens


@pytest.fixture(scope="module")
def official(real_data) -> tuple[list[str], list[list[str]], list[dict]]:
    """BART's predictions, the three official reference lines of each, and the records they are of."""
    folder = real_data / "metrics" / "dart"
    predictions, *files = (
        (folder / name).read_text(encoding="utf-8").splitlines()
        for name in ("bart-large_dart.txt", *(f"all-delex-reference{number}.lex" for number in range(3)))
    )
    raw = [json.loads(line) for line in (folder / "raw.jsonl").read_text(encoding="utf-8").splitlines()]
    return predictions, list(map(list, zip(*files, strict=True))), [record_of(row["references"]) for row in raw]


def test_tokens_are_those_of_the_official_files(official):
    _, lines, records = official
    for references, record in zip(lines, records, strict=True):
        made = [" ".join(tokens(text)) for text in record["references"][:3]]
        assert made + [""] * (3 - len(made)) == references


@given(st.text())
def test_tokens_of_tokens_are_the_same(text):
    """A prediction may be in the form of the official files already."""
    assert tokens(" ".join(tokens(text))) == tokens(text)


def test_tokens_are_words_and_signs_in_lower_case():
    assert " ".join(tokens("In 8.3m, Ya'kub #1_a")) == "in 8 . 3m , ya ' kub # 1_a"
    assert tokens("(İzmir)") == ["(", "i\u0307zmir", ")"]  # one letter whose lower case is two characters


@pytest.mark.parametrize(
    "count, bleu, edits, words", [(300, "38.19", 2432, 4431), (500, "43.66", 4618, 9386.666666666659)]
)
def test_figures_are_the_official_ones(official, count, bleu, edits, words):
    predictions, _, records = official
    scores, statistics = score.score_texts(["dart_bleu", "dart_ter"], records[:count], predictions[:count])
    assert f"{scores['scores']['dart_bleu']:.2f}" == bleu
    assert score.total(statistics["dart_ter"]) == [edits, pytest.approx(words, rel=1e-12)]
    assert scores["scores"]["dart_ter"] == pytest.approx(100 * edits / words, rel=1e-12)


def test_how_a_text_is_written_makes_no_difference(official):
    """Case, blanks and signs that stick to words are no errors, which they are to sacrebleu's TER."""
    predictions, _, records = official
    written = [text.capitalize().replace(" ,", ",").replace(" .", ".").replace(" - ", "-") for text in predictions]
    assert written != predictions
    names = ["dart_bleu", "dart_ter"]
    assert score.score_texts(names, records, written)[1] == score.score_texts(names, records, predictions)[1]


def test_missing_references_are_left_out_of_ter_and_empty_in_bleu():
    ter, bleu = registry.metric("dart_ter"), registry.metric("dart_bleu")
    reference = "one two three four five six"
    assert ter.statistics("one two", record_of([reference])) == [4, 6]
    assert ter.statistics("one two", record_of([reference, "", "one"])) == [1, 3.5]
    assert ter.statistics("one two", record_of([reference] * 3 + ["one two"])) == [4, 6]  # a fourth is not looked at
    assert ter.statistics("", record_of([reference])) == [6, 6]
    assert ter.statistics("one", record_of([""])) == [1, 0]
    assert bleu.statistics("one two", record_of([reference]))[:2] == [2, 0]  # the empty one's length is the closest
    assert bleu.statistics("one two three four", record_of([reference]))[:2] == [4, 6]
    assert bleu.statistics("one two", record_of([reference] * 3))[:2] == [2, 6]
    assert bleu.statistics("", record_of([reference])) == [0] * 10 + [1]  # so an empty prediction costs nothing there


def test_that_silence_is_rewarded_is_said_and_bleu_beside_it_does_not(official):
    """Half of the outputs left out: the official BLEU of what remains goes up where real references make it fall."""
    predictions, _, records = official
    predictions, records = predictions[:300], records[:300]  # of one reference each
    rows = score.score_texts(["bleu"], records, predictions)[1]["bleu"]
    matched = [row[2] / max(row[0], 1) for row in rows]
    median = sorted(matched)[150]
    silent = [text if share >= median else "" for text, share in zip(predictions, matched, strict=True)]
    spoken, _ = score.score_texts(["dart_bleu", "bleu"], records, predictions)
    scores, statistics = score.score_texts(["dart_bleu", "bleu"], records, silent)
    figures = [[f"{found['scores'][name]:.1f}" for name in ("dart_bleu", "bleu")] for found in (spoken, scores)]
    assert figures == [["38.2", "18.4"], ["46.4", "10.9"]]
    said = "{} of 300 outputs are nearest in length to an empty reference"
    assert spoken["notes"]["dart_bleu"].startswith(said.format(4))  # of no more than half the words
    assert scores["notes"]["dart_bleu"].startswith(said.format(int(score.total(statistics["dart_bleu"])[-1])))
    assert silent.count("") <= score.total(statistics["dart_bleu"])[-1] <= silent.count("") + 4


def test_without_a_common_4_gram_bleu_is_0_as_multi_bleu_prints():
    scores, _ = score.score_texts(["dart_bleu", "bleu"], [record_of(["a b c d e"] * 3)], ["a b c x d e"])
    assert scores["scores"]["dart_bleu"] == 0
    assert scores["scores"]["bleu"] > 0
