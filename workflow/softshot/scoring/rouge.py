"""ROUGE-L, computed by rouge_score."""

from importlib.metadata import version
from typing import Any


class RougeL:
    """Mean F1 of the longest common subsequence of words with the best of a record's references.

    rouge_score's words are runs of Latin letters a to z and digits after lower-casing; a text without any has
    nothing in common with another one, which the note says.
    """

    name = "rouge_l"

    def __init__(self):
        from rouge_score.rouge_scorer import RougeScorer  # slow to import: it imports nltk
        from rouge_score.tokenizers import DefaultTokenizer

        self._tokenizer = DefaultTokenizer(use_stemmer=False)
        self._scorer = RougeScorer(["rougeL"], tokenizer=self._tokenizer)
        self.signature = f"rougeL|f1|nrefs:best|stemmer:no|case:lc|words:a-z0-9|version:{version('rouge-score')}"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[F1, 1, 1 if no reference has a word else 0]"""
        wordless = not any(map(self._tokenizer.tokenize, record["references"]))
        f1 = self._scorer.score_multi(record["references"], prediction)["rougeL"].fmeasure
        return [f1, 1.0, float(wordless)]

    def scores(self, summed: list[float]) -> dict[str, float]:
        """ROUGE-L, 0 to 100."""
        f1, count, _ = summed
        return {self.name: 100 * f1 / count}

    def note(self, summed: list[float], n: int) -> str | None:
        """That some records can score nothing but 0."""
        wordless = int(summed[2])
        what = "have no Latin letter or digit in a reference and score 0"
        return f"{wordless} of {n} records {what}" if wordless else None
