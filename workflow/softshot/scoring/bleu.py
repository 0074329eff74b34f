"""BLEU: sacrebleu's standard one, and as ToTTo's official evaluation calls it.

sacrebleu has no public way to the statistics of a segment; its own significance tests use the underscored method
called here, and a test holds the score of their sum equal to `corpus_score`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softshot.scoring.registry import Column

REFERENCES = 3  # of a record in the official files of DART and ToTTo
NULL = "<null>"  # what ToTTo's evaluation writes for a text that is not there
ORDER = 4  # of the longest n-grams
NOTHING = -9999999999.0  # stands for the logarithm of 0, in sacrebleu as in multi-bleu.perl


class Bleu:
    """sacrebleu's standard BLEU: cased, 13a, exponential smoothing, against all references of a record."""

    name = "bleu"
    lowercase = False
    tokenizer = "13a"
    smoothing = "exp"
    references = -1  # sacrebleu's sign for a number that varies

    def __init__(self):
        from sacrebleu.metrics.bleu import BLEU  # slow to import, and exact match does without

        self._bleu = BLEU(lowercase=self.lowercase, tokenize=self.tokenizer, smooth_method=self.smoothing)
        self._bleu.num_refs = self.references
        self.signature = str(self._bleu.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Prediction length, closest reference length, matches and totals of 1- to 4-grams; 1 if no reference has one
        of the longest, else 0."""
        prediction, references = self.texts(prediction, record["references"])
        counts = self._bleu._extract_corpus_statistics([prediction], [[reference] for reference in references])[0]
        lengths = (len(self._bleu.tokenizer(reference).split()) for reference in references)
        return [*counts, float(max(lengths) < ORDER)]

    def texts(self, prediction: str, references: list[str]) -> tuple[str, list[str]]:
        """The prediction and the references as they are compared."""
        return prediction, references

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """BLEU, 0 to 100."""
        length, closest = columns[:2]
        right, total = (np.stack(columns[start : start + ORDER], axis=-1) for start in (2, 2 + ORDER))
        return {cls.name: bleu(length, closest, right, total, cls.smoothing)}

    def note(self, summed: list[float], n: int) -> str | None:
        """That some records' best output has no 4-gram."""
        short = int(summed[2 + 2 * ORDER])
        what = f"have no reference of {ORDER} words, so that BLEU gives their best output nothing for {ORDER}-grams"
        return f"{short} of {n} records {what}; chrf and exact_match can tell" if short else None


class TottoBleu(Bleu):
    """Lower-cased BLEU against three references, as ToTTo's evaluation computes it (without its detokeniser).

    An empty prediction and a missing second or third reference are the text `<null>`.
    """

    name = "totto_bleu"
    lowercase = True
    references = REFERENCES

    def texts(self, prediction: str, references: list[str]) -> tuple[str, list[str]]:
        """The texts with `<null>` for those that are not there."""
        return prediction.strip() or NULL, padded(references, NULL)


def padded(references: list[str], missing: str) -> list[str]:
    """The first three references, `missing` for each that is not there."""
    return (references + [missing] * REFERENCES)[:REFERENCES]


def bleu(length: Column, closest: Column, right: np.ndarray, total: np.ndarray, smoothing: str) -> Column:
    """BLEU (Papineni et al. 2002) of summed lengths [...] and of n-grams, matched and all, by order [..., 4].

    With smoothing `exp` the k-th order without a match counts 2^-k matches, as in sacrebleu; with `none` such an order
    makes the score 0. One without any n-gram does so either way.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if smoothing == "exp":
            right = np.where(right == 0, np.where(right.any(axis=-1, keepdims=True), unmatched(right), 0), right)
        counts = np.cumprod(total > 0, axis=-1, dtype=bool) & (right > 0)
        logarithms = np.where(counts, np.log(np.where(counts, 100 * right / total, 1)), NOTHING)
        brevity = np.where(length < closest, np.exp(1 - np.divide(closest, length)), 1.0)
        return brevity * np.exp(logarithms.sum(axis=-1) / ORDER)


def unmatched(right: np.ndarray) -> np.ndarray:
    """What an order without a match counts: a half, the next one a quarter, and so on [..., 4]."""
    return 0.5 ** np.cumsum(right == 0, axis=-1)
