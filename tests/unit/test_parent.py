"""PARENT: the official figures, and the fast ways equal to the plain ones.

python -m pytest tests/unit/test_parent.py
"""

import functools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from softshot import catalogue
from softshot.data.convert import read_records
from softshot.scoring import score
from softshot.scoring.parent import Parent, common, coverage, geometric_mean, ngrams, precision, recall

WORDS = st.lists(st.sampled_from("abcde"), max_size=12)
SIGNS = st.text(alphabet="aB19.,-'&;|<>\"$ é漢ltgq\u2028", max_size=20)
META = {"table": ["Pete", "The 12", "2015"], "highlighted": ["Pete"], "page_title": "Colin", "section_title": ""}
META |= {"section_text": ""}


def records_of(real_data: Path, file: str) -> list[dict]:
    """The records of a file in ToTTo's dev format."""
    return list(read_records("totto", catalogue.task_entry("totto", {}), real_data / file, "validation"))


def statistics(prediction: str, references: list[str], **meta) -> list[float]:
    """Precision, recall, F1 and 1 of one prediction."""
    return Parent().statistics(prediction, {"references": references, "meta": META | meta})


def test_parent_is_the_official_one(real_data):
    records = records_of(real_data, "metrics/totto/dev_sample.jsonl")
    predictions = (real_data / "metrics/totto/output_sample.txt").read_text(encoding="utf-8").splitlines()
    metrics = [Parent()]
    found = score.summary(metrics, records, score.statistics(metrics, records, predictions))
    parts = {"overall": found["scores"]} | {name: part["scores"] for name, part in found["subsets"].items()}
    names = ("parent_precision", "parent_recall", "parent")
    assert {part: tuple(f"{scores[name]:.2f}" for name in names) for part, scores in parts.items()} == {
        "overall": ("76.11", "43.83", "53.34"),
        "overlap": ("71.40", "31.35", "41.34"),
        "non-overlap": ("83.17", "62.56", "71.35"),
    }
    assert next(iter(found["scores"])) == "parent"


def test_tables_are_tokenised_as_if_cell_by_cell(real_data):
    parent, tokenizer = Parent(), Tokenizer13a()
    records = records_of(real_data, "totto/totto_data/totto_dev_data.jsonl")
    assert records
    for record in records:
        cells = [cell.replace("|", "-") for cell in record["meta"]["table"]]
        assert parent.vocabulary(cells) == {token for cell in cells for token in tokenizer(cell.lower()).split()}


@given(st.lists(SIGNS, max_size=6))
def test_any_table_is_tokenised_as_if_cell_by_cell(cells):
    plain = {token for cell in cells for token in Tokenizer13a()(cell.lower()).split()}
    assert Parent().vocabulary(cells) == plain


@given(WORDS, WORDS)
def test_common_subsequences_are_as_long_as_the_plain_recursion_says(fact, tokens):
    @functools.cache
    def longest(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if fact[i - 1] == tokens[j - 1]:
            return longest(i - 1, j - 1) + 1
        return max(longest(i - 1, j), longest(i, j - 1))

    places = {}
    for place, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << place
    expected = longest(len(fact), len(tokens))
    assert common(fact, places, len(tokens)) == expected
    if fact:
        assert coverage([fact], tokens) == expected / len(fact)


@given(WORDS, WORDS, st.sets(st.sampled_from("abcde")))
def test_shares_of_ngrams_are_as_defined(predicted, gold, vocabulary):
    pairs = zip(ngrams(predicted, vocabulary), ngrams(gold, vocabulary), strict=True)
    for order, (ours, theirs) in enumerate(pairs, 1):

        def grams(tokens, order=order):
            return [tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1)]

        def weight(gram):
            return sum(token in vocabulary for token in gram) / len(gram)

        said, wanted = grams(predicted), grams(gold)
        right = total = 0.0
        for gram in set(said):
            p = min(1, wanted.count(gram) / said.count(gram))
            right += said.count(gram) * (p + (1 - p) * weight(gram))
            total += said.count(gram)
        assert precision(ours, theirs, vocabulary) == pytest.approx(right / total if total else 0)
        right = total = 0.0
        for gram in set(wanted):
            right += wanted.count(gram) * weight(gram) * min(1, said.count(gram) / wanted.count(gram))
            total += wanted.count(gram) * weight(gram)
        assert recall(ours, theirs, vocabulary) == pytest.approx(right / total if total else 1)


def test_only_the_zeros_of_longer_ngrams_are_smoothed():
    assert geometric_mean([0.0, 0.0, 0.0, 0.0]) == 0
    assert geometric_mean([0.5, 0.0, 0.0, 0.0]) == pytest.approx((0.5 * 1e-15) ** 0.25)
    assert geometric_mean([1.0, 1.0, 1.0, 1.0]) == 1


def test_a_perfect_sentence_of_the_table_is_perfect():
    assert statistics("Colin is Pete here", ["Colin is Pete here"])[:3] == pytest.approx([1, 1, 1])


def test_words_of_the_table_count_for_precision_where_the_reference_lacks_them():
    of_table, of_nothing = (statistics(text, ["Colin"]) for text in ("Pete the 12 2015", "Bob was no one"))
    assert of_table[0] == 1
    assert of_nothing[0] < 0.01


def test_bars_and_case_make_no_difference():
    ours = statistics("colin a-b", ["Colin a-b"], table=["A|B"])
    assert ours == statistics("Colin a-b", ["colin A-b"], table=["a-b"])


def test_the_best_reference_counts_and_an_empty_prediction_is_null():
    references = ["Colin is Pete", "who knows", "nobody"]
    assert statistics("Colin is Pete", references) == statistics("Colin is Pete", references[::-1])
    assert statistics("", references) == statistics("<null>", references)


def test_cells_without_a_word_do_not_matter():
    assert statistics("Pete", ["Pete"], highlighted=["Pete", "", "  "]) == statistics("Pete", ["Pete"])
