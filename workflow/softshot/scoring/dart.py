"""DART's official evaluation: BLEU and TER of tokens, as multi-bleu.perl and tercom 0.7.25 print them.

Its reference files are in lower case with every sign apart, and so are the predictions that it is run on. Texts are
brought into that form here, which gives all 11,245 references of the official test files as they are.

https://github.com/Yale-LILY/dart/tree/master/evaluation
"""

import re
from importlib.metadata import version
from typing import Any

from softshot.scoring.bleu import ORDER, REFERENCES, Bleu, padded
from softshot.scoring.ter import Ter
from softshot.scoring.tercom import edits

TOKEN = re.compile(r"\w+|[^\w\s]")
DOTTED = "i\u0307"  # lower case of the one letter that becomes two, of which the second would be a sign


def tokens(text: str) -> list[str]:
    """The text's words and signs, in lower case; the tokens of a text of tokens are these."""
    return [token.lower() for token in TOKEN.findall(text.replace(DOTTED, "\u0130"))]


class DartBleu(Bleu):
    """BLEU against the first three references, as multi-bleu.perl computes it: without smoothing.

    The official files have three references a line, empty where a record has fewer, and the empty ones count: for
    a prediction of a few words, or none, their length 0 is the closest reference length, so that it is not too
    short. A system that says nothing where it is unsure gains by it. `bleu` knows only real references.
    """

    name = "dart_bleu"
    tokenizer = "none"
    smoothing = "none"
    references = REFERENCES

    def __init__(self):
        super().__init__()
        self.signature = f"multi-bleu|nrefs:{REFERENCES},empty|case:lc|tok:words,signs|sacrebleu:{version('sacrebleu')}"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """Ten counts as of any BLEU; 1 if an empty reference is the closest in length, else 0."""
        counts = super().statistics(prediction, record)[:-1]
        return [*counts, float(counts[1] == 0)]

    def texts(self, prediction: str, references: list[str]) -> tuple[str, list[str]]:
        """The tokens of the prediction and of the first three references, empty where there are fewer."""
        return " ".join(tokens(prediction)), [" ".join(tokens(text)) for text in padded(references, "")]

    def note(self, summed: list[float], n: int) -> str | None:
        """How many outputs an empty reference spared the penalty for brevity."""
        spared = int(summed[2 + 2 * ORDER])
        what = "are nearest in length to an empty reference, which the official files have in place of a third"
        return f"{spared} of {n} outputs {what}: they do not count as too short here; see bleu" if spared else None


class DartTer(Ter):
    """TER against the nearest of the first three references, as tercom computes it; missing ones are left out."""

    name = "dart_ter"

    def __init__(self):
        self.signature = f"tercom:0.7.25|nrefs:{REFERENCES},missing-left-out|case:lc|tok:words,signs"

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[edits, average length of the references in tokens]"""
        predicted = tokens(prediction)
        references = [tokens(text) for text in record["references"][:REFERENCES]]
        references = [reference for reference in references if reference] or [[]]
        fewest = min(edits(predicted, reference) for reference in references)
        return [float(fewest), sum(map(len, references)) / len(references)]
