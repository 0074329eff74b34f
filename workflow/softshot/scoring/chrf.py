"""chrF2: its statistics are sacrebleu's (see bleu.py on the underscored method)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softshot.scoring.registry import Column

BETA = 2  # recall counts twice


class Chrf:
    """sacrebleu's standard chrF2: character 1- to 6-grams, cased, the best of a record's references."""

    name = "chrf"

    def __init__(self):
        from sacrebleu.metrics.chrf import CHRF  # slow to import, and exact match does without

        self._chrf = CHRF(beta=BETA)
        self._chrf.num_refs = -1  # sacrebleu's sign for a number that varies
        self.signature = str(self._chrf.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Per order: n-grams of the prediction, of its best reference, and in both: 18 counts."""
        references = [[reference] for reference in record["references"]]
        return self._chrf._extract_corpus_statistics([prediction], references)[0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """chrF2, 0 to 100: F of the mean precision and recall over the orders that both sides have (Popović 2015)."""
        predicted, gold, shared = (np.stack(columns[start::3], axis=-1) for start in range(3))
        present = (predicted > 0) & (gold > 0)
        orders = np.maximum(present.sum(axis=-1), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(present, shared / predicted, 0).sum(axis=-1) / orders
            recall = np.where(present, shared / gold, 0).sum(axis=-1) / orders
            score = 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
        return {cls.name: np.where(precision + recall > 0, score, 0.0)[()]}  # one number where one was asked for
