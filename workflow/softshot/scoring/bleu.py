"""BLEU, computed by sacrebleu.

sacrebleu has no public way to the statistics of a segment; its own significance tests use the two underscored
methods called here, and a test holds their sum equal to `corpus_score`.
"""

REFERENCES = 3


class Bleu:
    """Lower-cased BLEU against the first three references, as DART's evaluation computes it.

    The official files have three references a line, empty where a record has fewer, and the empty ones count: for
    a prediction of a few words, or none, their length 0 is the closest reference length, so that it is not too
    short. With `""` for a missing reference sacrebleu agrees with the official multi-bleu to two digits, without
    it is a point lower.
    """

    name = "bleu"

    def __init__(self):
        from sacrebleu.metrics.bleu import BLEU  # slow to import, and exact match does without

        self._bleu = BLEU(lowercase=True)
        self._bleu.num_refs = REFERENCES
        self.signature = str(self._bleu.get_signature())

    def statistics(self, prediction: str, references: list[str]) -> list[float]:
        """Prediction length, closest reference length, matches and totals of 1- to 4-grams: ten counts."""
        padded = (references + [""] * REFERENCES)[:REFERENCES]
        return self._bleu._extract_corpus_statistics([prediction], [[reference] for reference in padded])[0]

    def score(self, summed: list[float]) -> float:
        """BLEU, 0 to 100."""
        return self._bleu._compute_score_from_stats(summed).score
