"""Token F1, as SQuAD's evaluation computes it (Rajpurkar et al. 2016)."""

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

PUNCTUATION = str.maketrans("", "", string.punctuation)
ARTICLES = re.compile(r"\b(a|an|the)\b")
# Letters of scripts that put no blank between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


class TokenF1:
    """Mean F1 of the words that prediction and reference share, with the best of a record's references.

    Words are what white space separates after lower-casing and dropping ASCII punctuation and English articles.
    """

    name = "token_f1"
    signature = "f1|nrefs:best|case:lc|punctuation:dropped|articles:dropped|words:white-space"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[F1, 1, 1 if a reference has no word else 0, 1 if a reference is of a script without blanks else 0]"""
        predicted, references = words(prediction), [words(reference) for reference in record["references"]]
        best = max(f1(predicted, reference) for reference in references)
        unspaced = any(map(UNSPACED.search, record["references"]))
        return [best, 1.0, float(not all(references)), float(unspaced)]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """Token F1, 0 to 100."""
        return {cls.name: percentage(*columns[:2])}

    def note(self, summed: list[float], n: int) -> str | None:
        """Where words are not what is compared."""
        wordless, unspaced = map(int, summed[2:])
        facts = []
        if wordless:
            facts.append(
                f"{wordless} of {n} records have a reference of articles and punctuation, where no word is right"
            )
        if unspaced:
            facts.append(
                f"{unspaced} of {n} records have a reference in a script without blanks, of which a whole clause is one"
                " word, right or wrong; chrf can tell"
            )
        return "; ".join(facts) or None


def words(text: str) -> list[str]:
    """The text's words, normalised."""
    return ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split()


def f1(predicted: list[str], reference: list[str]) -> float:
    """F1 of two bags of words; two empty ones are equal."""
    if not predicted or not reference:
        return float(predicted == reference)
    shared = (Counter(predicted) & Counter(reference)).total()
    return 2 * shared / (len(predicted) + len(reference))
