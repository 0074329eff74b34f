"""BLEU, computed by sacrebleu: the standard one, and as two tasks' official evaluations call it.

sacrebleu has no public way to the statistics of a segment; its own significance tests use the two underscored
methods called here, and a test holds their sum equal to `corpus_score`.
"""

from typing import Any

REFERENCES = 3  # of a record in the official files of DART and ToTTo
NULL = "<null>"  # what ToTTo's evaluation writes for a text that is not there


class Bleu:
    """sacrebleu's standard BLEU: cased, 13a, against all references of a record."""

    name = "bleu"
    lowercase = False
    references = -1  # sacrebleu's sign for a number that varies

    def __init__(self):
        from sacrebleu.metrics.bleu import BLEU  # slow to import, and exact match does without

        self._bleu = BLEU(lowercase=self.lowercase)
        self._bleu.num_refs = self.references
        self.signature = str(self._bleu.get_signature())

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Prediction length, closest reference length, matches and totals of 1- to 4-grams: ten counts."""
        prediction, references = self.texts(prediction, record["references"])
        return self._bleu._extract_corpus_statistics([prediction], [[reference] for reference in references])[0]

    def texts(self, prediction: str, references: list[str]) -> tuple[str, list[str]]:
        """The prediction and the references as they are compared."""
        return prediction, references

    def scores(self, summed: list[float]) -> dict[str, float]:
        """BLEU, 0 to 100."""
        return {self.name: self._bleu._compute_score_from_stats(summed).score}


class DartBleu(Bleu):
    """Lower-cased BLEU against the first three references, as DART's evaluation computes it.

    The official files have three references a line, empty where a record has fewer, and the empty ones count: for
    a prediction of a few words, or none, their length 0 is the closest reference length, so that it is not too
    short. With `""` for a missing reference sacrebleu agrees with the official multi-bleu to two digits, without
    it is a point lower.
    """

    name = "dart_bleu"
    lowercase = True
    references = REFERENCES

    def texts(self, prediction: str, references: list[str]) -> tuple[str, list[str]]:
        """The first three references, empty where there are fewer."""
        return prediction, padded(references, "")


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
