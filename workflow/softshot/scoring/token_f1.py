"""Token F1, as SQuAD's evaluation computes it (Rajpurkar et al. 2016)."""

import re
import string
from collections import Counter
from typing import Any

PUNCTUATION = str.maketrans("", "", string.punctuation)
ARTICLES = re.compile(r"\b(a|an|the)\b")


class TokenF1:
    """Mean F1 of the words that prediction and reference share, with the best of a record's references.

    Words are what white space separates after lower-casing and dropping ASCII punctuation and English articles.
    """

    name = "token_f1"
    signature = "f1|nrefs:best|case:lc|punctuation:dropped|articles:dropped|words:white-space"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[F1, 1]"""
        predicted = words(prediction)
        return [max(f1(predicted, words(reference)) for reference in record["references"]), 1.0]

    def scores(self, summed: list[float]) -> dict[str, float]:
        """Token F1, 0 to 100."""
        total, count = summed
        return {self.name: 100 * total / count}


def words(text: str) -> list[str]:
    """The text's words, normalised."""
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()


def f1(predicted: list[str], reference: list[str]) -> float:
    """F1 of two bags of words; two empty ones are equal."""
    if not predicted or not reference:
        return float(predicted == reference)
    shared = (Counter(predicted) & Counter(reference)).total()
    return 2 * shared / (len(predicted) + len(reference))
