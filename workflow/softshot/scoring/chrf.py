"""chrF2, computed by sacrebleu (see bleu.py on its underscored methods)."""

from typing import Any


class Chrf:
    """sacrebleu's standard chrF2: character 1- to 6-grams, cased, the best of a record's references."""

    name = "chrf"

    def __init__(self):
        from sacrebleu.metrics.chrf import CHRF  # slow to import, and exact match does without

        self._chrf = CHRF()
        self._chrf.num_refs = -1  # sacrebleu's sign for a number that varies
        self.signature = str(self._chrf.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Per order: n-grams of the prediction, of its best reference, and in both: 18 counts."""
        references = [[reference] for reference in record["references"]]
        return self._chrf._extract_corpus_statistics([prediction], references)[0]

    def scores(self, summed: list[float]) -> dict[str, float]:
        """chrF2, 0 to 100."""
        return {self.name: self._chrf._compute_score_from_stats(summed).score}
