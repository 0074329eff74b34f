"""PARENT: precision and recall of n-grams against the references and the table (Dhingra et al. 2019).

In the variant of ToTTo's official evaluation: precision looks at the whole table, recall at the highlighted cells.
https://aclanthology.org/P19-1483
"""

import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from softshot.scoring.bleu import NULL, REFERENCES, padded
from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

ORDERS = (1, 2, 3, 4)
SMOOTHING = 1e-5  # stands for a zero, which a geometric mean cannot bear
PARTED = str.maketrans({sign: f" {sign} " for sign in string.punctuation if sign not in "',-."})  # 13a's first step
REPLACED = ("<skipped>", "&quot;", "&amp;", "&lt;", "&gt;")  # by 13a before that
INTRICATE = re.compile(r"[-.,]")  # what its other steps look at


class Parent:
    """Mean PARENT precision, recall and F1 of the best reference (by F1), on lower-cased 13a tokens.

    As in the official evaluation an empty prediction and a missing second or third reference are `<null>`.
    """

    name = "parent"

    def __init__(self):
        import sacrebleu  # slow to import, and exact match does without
        from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

        self._tokenizer = Tokenizer13a()
        self.signature = f"nrefs:{REFERENCES}|case:lc|tok:13a|smooth:{SMOOTHING}|lambda:coverage"
        self.signature += f"|version:{sacrebleu.__version__}"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[precision, recall, F1, 1], each 0 to 1"""
        meta = record["meta"]
        known = self.vocabulary(values(meta, "table", "page_title", "section_title", "section_text"))
        facts = [self._tokens(value) for value in values(meta, "highlighted", "page_title", "section_title")]
        facts = [fact for fact in facts if fact]
        predicted = self._tokens(prediction.strip() or NULL)
        grams, covered = ngrams(predicted, known), coverage(facts, predicted) or SMOOTHING

        best = (-1.0, 0.0, 0.0)
        for reference in dict.fromkeys(padded(record["references"], NULL)):
            tokens = self._tokens(reference)
            pairs = [(*pair, known) for pair in zip(grams, ngrams(tokens, known), strict=True)]
            p = geometric_mean([precision(*pair) for pair in pairs])
            weight = 1 - coverage(facts, tokens)  # the less the reference says of the table, the more the table counts
            r = geometric_mean([recall(*pair) for pair in pairs]) or SMOOTHING
            r = r ** (1 - weight) * covered**weight
            f1 = 2 * p * r / (p + r + 1e-8)
            best = max(best, (f1, p, r), key=lambda scores: scores[0])  # the first of equals
        f1, p, r = best
        return [p, r, f1, 1.0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """F1, precision and recall, 0 to 100."""
        p, r, f1, count = columns
        names = (cls.name, "parent_precision", "parent_recall")
        return {name: percentage(value, count) for name, value in zip(names, (f1, p, r), strict=True)}

    def vocabulary(self, entries: list[str]) -> set[str]:
        """The tokens of all entries of a table.

        The same as tokenising them one by one, in a fraction of the time, which a table of hundreds of cells would
        need: 13a looks no further than a blank, and its regular expressions matter to few distinct words.
        """
        text = "  ".join(dict.fromkeys(entries)).lower()
        if any(mark in text for mark in REPLACED):
            return set(self._tokens(text))
        words = set(text.translate(PARTED).split())
        intricate = {word for word in words if INTRICATE.search(word)}
        return words - intricate | set(self._tokens(" ".join(intricate)))

    def _tokens(self, text: str) -> list[str]:
        return self._tokenizer(text.lower()).split()


def values(meta: dict[str, Any], cells: str, *texts: str) -> list[str]:
    """The table's entries: its non-empty cells and the texts around it; `|` is `-`."""
    found = [*meta[cells], *(meta[text] for text in texts)]
    return [text.replace("|", "-") for text in found if text.strip()]


class Grams(NamedTuple):
    """A text's n-grams of one order."""

    order: int
    counts: Counter[tuple[str, ...]]  # how often each occurs
    total: int  # of them
    known: int  # tokens that the table knows in all of them


def ngrams(tokens: list[str], vocabulary: set[str]) -> list[Grams]:
    """A text's n-grams of each order."""
    inside = [token in vocabulary for token in tokens]
    found = []
    for order in ORDERS:
        counts = Counter(windows(tokens, order))
        found.append(Grams(order, counts, counts.total(), sum(map(sum, windows(inside, order)))))
    return found


def windows(items: list, length: int) -> Iterator[tuple]:
    """Every `length` neighbouring items."""
    return zip(*(items[start:] for start in range(length)), strict=False)


def precision(predicted: Grams, gold: Grams, vocabulary: set[str]) -> float:
    """Share of the prediction's n-grams that the reference has; what the table knows of the others is added."""
    right = predicted.known
    for gram, count in shared(predicted, gold):
        right += count * sum(token not in vocabulary for token in gram)
    return right / (predicted.order * predicted.total) if predicted.total else 0.0


def recall(predicted: Grams, gold: Grams, vocabulary: set[str]) -> float:
    """Share of the reference's n-grams, each weighted by what the table knows of it, that the prediction has."""
    right = 0
    for gram, count in shared(predicted, gold):
        right += count * sum(token in vocabulary for token in gram)
    return right / gold.known if gold.known else 1.0


def shared(predicted: Grams, gold: Grams) -> Iterator[tuple[tuple[str, ...], int]]:
    """The n-grams that both have, and how often."""
    for gram in predicted.counts.keys() & gold.counts.keys():
        yield gram, min(predicted.counts[gram], gold.counts[gram])


def geometric_mean(shares: list[float]) -> float:
    """Over the orders; a zero of an order above 1 is smoothed, so that only without a common word the mean is 0."""
    first, *others = shares
    return math.prod([first, *(share or SMOOTHING for share in others)]) ** (1 / len(shares))


def coverage(facts: list[list[str]], tokens: list[str]) -> float:
    """Mean share of a fact's tokens in its longest common subsequence with a text; 1 without facts."""
    if not facts:
        return 1.0
    places: dict[str, int] = {}
    for place, token in enumerate(tokens):
        places[token] = places.get(token, 0) | 1 << place
    return sum(common(fact, places, len(tokens)) / len(fact) for fact in facts) / len(facts)


def common(fact: list[str], places: dict[str, int], length: int) -> int:
    """Length of the longest common subsequence of a fact and a text of `length` tokens (Hyyrö 2004).

    `places` has per token of the text a number with a bit for every place of it. A zero in `row` is a place where
    the subsequence grows by one; a token of the fact moves all of them at once.
    """
    row = (1 << length) - 1
    for token in fact:
        matched = row & places.get(token, 0)
        row = (row + matched) | (row - matched)
    return length - (row & ((1 << length) - 1)).bit_count()
