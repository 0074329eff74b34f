"""Translation edit rate, computed by sacrebleu (see bleu.py on its underscored method)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from softshot.scoring.registry import Column


class Ter:
    """sacrebleu's standard TER: edits and shifts to the nearest reference per word of the average reference.

    A missing reference is left out, as tercom does: an empty one would count as text.
    """

    name = "ter"
    lower_is_better = True

    def __init__(self):
        from sacrebleu.metrics.ter import TER  # slow to import, and exact match does without

        self._ter = TER()
        self._ter.num_refs = -1  # sacrebleu's sign for a number that varies
        self.signature = str(self._ter.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[edits, average length of the references in words]"""
        return self._ter._extract_corpus_statistics([prediction], [[text] for text in record["references"]])[0]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """TER in percent: 0 for equal texts, above 100 where there are more edits than words.

        Edits where the references are empty are 100 percent.
        """
        edits, words = columns
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(np.equal(words, 0), np.greater(edits, 0), np.divide(edits, words))
        return {cls.name: 100 * rate}
