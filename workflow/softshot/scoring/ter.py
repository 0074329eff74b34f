"""Translation edit rate as sacrebleu computes it, edit for edit, in a fraction of the time."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from softshot.scoring.registry import Column
from softshot.scoring.shifts import (
    DELETE,
    FARTHEST,
    INSERT,
    LONGEST,
    MATCH,
    SUBSTITUTE,
    Alignment,
    Columns,
    Search,
    Shift,
    errors,
)

BAND = 25  # words of the reference that an alignment may be from the diagonal
TRIED = 1000  # shifts of a pair of texts, after which sacrebleu makes none any more
OPERATIONS = str.maketrans({" ": MATCH, "s": SUBSTITUTE, "i": DELETE, "d": INSERT})  # sacrebleu's, of the reference


class Ter:
    """sacrebleu's standard TER: edits and shifts to the nearest reference per word of the average reference.

    A missing reference is left out, as tercom does: an empty one would count as text.
    """

    name = "ter"
    lower_is_better = True

    def __init__(self):
        from sacrebleu.metrics.ter import TER  # slow to import, and exact match does without

        ter = TER()
        ter.num_refs = -1  # sacrebleu's sign for a number that varies
        self.signature = str(ter.get_signature())
        self._tokenize = ter.tokenizer

    def statistics(self, prediction: str, record: dict[str, Any]) -> list[float]:
        """[edits, average length of the references in words]"""
        predicted, *references = (self._tokenize(text.rstrip()).split() for text in [prediction, *record["references"]])
        fewest = min(Sacrebleu(predicted, reference).edits() for reference in references)
        return [float(fewest), sum(map(len, references)) / len(references)]

    @classmethod
    def scores(cls, columns: Sequence[Column]) -> dict[str, Column]:
        """TER in percent: 0 for equal texts, above 100 where there are more edits than words.

        Edits where the references are empty are 100 percent.
        """
        edits, words = columns
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(np.equal(words, 0), np.greater(edits, 0), np.divide(edits, words))
        return {cls.name: 100 * rate}


class Sacrebleu(Search):
    """sacrebleu's search."""

    def __init__(self, hypothesis: list[str], reference: list[str]):
        super().__init__(hypothesis, reference)
        self.tried = 0

    def strays(self, distance: int) -> bool:
        """A path is no farther from the diagonal than its insertions and deletions are many."""
        return min(len(self.reference), distance) >= BAND - 1

    def allows(self, path: str, columns: Columns) -> bool:
        """Every cell of the path, but for the last column, is in the band around the diagonal."""
        slope = len(self.reference) / (len(columns) - 1)
        band = BAND if slope / 2 <= BAND else math.ceil(slope / 2 + BAND)
        row = place = 0
        for operation in path:
            row += operation != INSERT
            place += operation != DELETE
            off = row - int(place * slope)
            if place and (off < -band or (off >= band and place < len(columns) - 1)):
                return False
        return True

    def by_program(self, words: list[str]) -> tuple[int, str]:
        """The alignment within the band, by sacrebleu itself."""
        from sacrebleu.metrics.lib_ter import BeamEditDistance

        cost, trace = BeamEditDistance(self.reference)(words)
        return cost, trace.translate(OPERATIONS)

    def shifts(self, alignment: Alignment) -> list[Shift]:
        """The longest first, then by what they move, then the one to the earliest place.

        None where with them more than may be are tried for the pair of texts; what is there twice counts twice.
        """
        words, reference = alignment.words, self.reference
        wrong, wrong_there, aligned = errors(alignment.path)
        targets: dict[tuple[int, int, int], None] = {}  # less the length, start, before which word
        for start, word in enumerate(words):
            for place in self.places.get(word, ()):
                if abs(place - start) > FARTHEST:
                    continue
                pairs = zip(words[start : start + LONGEST], reference[place : place + LONGEST], strict=False)
                for length, _ in enumerate(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs), 1):
                    right = wrong[start + length] == wrong[start] or wrong_there[place + length] == wrong_there[place]
                    if right or start <= aligned[place] < start + length:
                        continue
                    behinds = [aligned[place - 1] if place else -1, *aligned[place : place + length]]
                    before = [behind + 1 for behind, _ in itertools.groupby(behinds)]
                    self.tried += len(before)
                    targets |= {(-length, start, target): None for target in before}
                if self.tried >= TRIED:
                    return []
        shifts = []
        for length, start, target in sorted(targets):
            end = start - length - 1
            # Into itself a block goes as far on as the target is from its start.
            shifts.append((start, end, end + target - start if start < target <= end + 1 else target - 1))
        return shifts
