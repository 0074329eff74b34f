"""Translation edit rate, computed by sacrebleu (see bleu.py on its underscored methods)."""

from typing import Any

from softshot.scoring.bleu import REFERENCES


class Ter:
    """sacrebleu's standard TER: edits and shifts to the nearest reference per word of the average reference.

    A missing reference is left out, as tercom does: an empty one would count as text and cost DART 14 points.
    """

    name = "ter"
    lower_is_better = True
    references = -1  # sacrebleu's sign for a number that varies

    def __init__(self):
        from sacrebleu.metrics.ter import TER  # slow to import, and exact match does without

        self._ter = TER()
        self._ter.num_refs = self.references
        self.signature = str(self._ter.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[edits, average length of the references in words]"""
        references = [[reference] for reference in self.texts(record["references"])]
        return self._ter._extract_corpus_statistics([prediction], references)[0]

    def texts(self, references: list[str]) -> list[str]:
        """The references that are compared with."""
        return references

    def scores(self, summed: list[float]) -> dict[str, float]:
        """TER in percent: 0 for equal texts, above 100 where there are more edits than words."""
        return {self.name: self._ter._compute_score_from_stats(summed).score}


class DartTer(Ter):
    """TER against the first three references, the ones in DART's official files."""

    name = "dart_ter"
    references = REFERENCES

    def texts(self, references: list[str]) -> list[str]:
        """At most three."""
        return references[:REFERENCES]
