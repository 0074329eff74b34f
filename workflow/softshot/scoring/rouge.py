"""ROUGE, computed by rouge_score."""

from collections.abc import Sequence
from functools import lru_cache, partial
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from softshot.scoring.registry import Column
from softshot.scoring.shares import percentage

STEMS = 2**16  # words whose stems are kept: finding one is slow


class Rouge:
    """Mean F1s of what prediction and reference share, each with the best of a record's references.

    rouge_score's words are runs of Latin letters a to z and digits after lower-casing; a text without any has
    nothing in common with another one, which the note says.
    """

    name: str
    kinds: tuple[str, ...]  # rouge_score's names: `rouge2`, `rougeL`
    stemmed: bool

    def __init__(self):
        from nltk.stem.porter import PorterStemmer  # slow to import, and exact match does without
        from rouge_score.rouge_scorer import RougeScorer
        from rouge_score.tokenize import tokenize

        stemmer = SimpleNamespace(stem=lru_cache(maxsize=STEMS)(PorterStemmer().stem)) if self.stemmed else None
        self._tokenize = partial(tokenize, stemmer=stemmer)
        self._scorer = RougeScorer(list(self.kinds), tokenizer=SimpleNamespace(tokenize=self._tokenize))
        kinds, stemmer = ",".join(self.kinds), "porter" if self.stemmed else "no"
        self.signature = (
            f"{kinds}|f1|nrefs:best|stemmer:{stemmer}|case:lc|words:a-z0-9|version:{version('rouge-score')}"
        )

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[F1 of each kind, 1, 1 if no reference has a word else 0]"""
        wordless = not any(map(self._tokenize, record["references"]))
        best = self._scorer.score_multi(record["references"], prediction)
        return [*(best[kind].fmeasure for kind in self.kinds), 1.0, float(wordless)]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """ROUGE of each kind, 0 to 100; the last kind has the metric's name."""
        *f1s, count, _ = columns
        names = [*(f"{cls.name}_{kind.removeprefix('rouge')}" for kind in cls.kinds[:-1]), cls.name]
        found = {name: percentage(f1, count) for name, f1 in zip(names, f1s, strict=True)}
        return {cls.name: found.pop(cls.name)} | found

    def note(self, summed: list[float], n: int) -> str | None:
        """That some records can score nothing but 0."""
        wordless = int(summed[-1])
        what = "have no Latin letter or digit in a reference and score 0"
        return f"{wordless} of {n} records {what}" if wordless else None


class RougeL(Rouge):
    """The longest common subsequence of words, without stemming."""

    name = "rouge_l"
    kinds = ("rougeL",)
    stemmed = False


class Logic2TextRouge(Rouge):
    """ROUGE-L, and ROUGE-1, 2 and 4, of Porter's stems, as Logic2Text's authors compute them.

    They call ROUGE-1.5.5 by pyrouge, whose options are `-n 4 -m -a`; what that script draws again from the records a
    thousand times and averages is the mean over records here.
    """

    name = "logic2text_rouge"
    kinds = ("rouge1", "rouge2", "rouge4", "rougeL")
    stemmed = True
