"""Edits and shifts of blocks of words between two texts: what translation edit rates have in common.

The search is greedy (Snover et al. 2006): of all shifts of a block of words to where the reference has it, the one that
leaves the fewest edits is made, as long as it leaves fewer. Two programs that compute the rate, tercom and sacrebleu,
differ in which shifts they try and how far an alignment may stray from the diagonal; each is a class over `Search`.

They fill a matrix of edit distances for every shift. Here the distance comes from bit vectors (Myers 1999), from the
first word on that the shift moves. It is exact wherever the program's alignment does not stray too far, and never
above the program's own; so only a shift that might be the best is looked at as the program does it.

https://aclanthology.org/2006.amta-papers.25
"""

from collections import Counter
from dataclasses import dataclass

MATCH, SUBSTITUTE, INSERT, DELETE = " SID"  # operations, of the hypothesis' words; DELETE passes one of the reference
LONGEST = 10  # words of a shift
FARTHEST = 50  # words between a block and its place

# start, end, behind: the words from `start` to `end`, which is one of them, go behind the one at `behind`, -1 for the
# front.
Shift = tuple[int, int, int]
Columns = list[tuple[int, int]]


@dataclass
class Alignment:
    """Words aligned with the reference."""

    words: list[str]
    cost: int  # edits, as the program counts them
    distance: int  # edits of the best alignment, at most `cost`
    path: str  # operations from the first word to the last; empty: not followed yet


class Search:
    """A reference as it is compared with all orders of a hypothesis' words.

    A column of the matrix of edit distances, one per word of the hypothesis, is two vectors of a bit per word of the
    reference: where the distance grows by one from the row above, and where it falls by one.
    """

    def __init__(self, hypothesis: list[str], reference: list[str]):
        self.hypothesis, self.reference = hypothesis, reference
        self.places: dict[str, list[int]] = {}
        self.bits: dict[str, int] = {}
        for place, word in enumerate(reference):
            self.places.setdefault(word, []).append(place)
            self.bits[word] = self.bits.get(word, 0) | 1 << place
        self.full = (1 << len(reference)) - 1
        shared = (Counter(hypothesis) & Counter(reference)).total()
        self.least = max(len(hypothesis), len(reference)) - shared  # edits in whatever order the words are

    def strays(self, distance: int) -> bool:
        """Whether an alignment with so many edits can stray farther than the program lets it."""
        raise NotImplementedError

    def allows(self, path: str, columns: Columns) -> bool:
        """Whether the program finds this path, the best one, too."""
        raise NotImplementedError

    def by_program(self, words: list[str]) -> tuple[int, str]:
        """The cost and the path that the program finds, by its whole matrix."""
        raise NotImplementedError

    def shifts(self, alignment: Alignment) -> list[Shift]:
        """What the program tries, each once: of those that save as much the first one counts."""
        raise NotImplementedError

    def edits(self) -> int:
        """Insertions, deletions, substitutions and shifts that turn the hypothesis into the reference."""
        if not self.hypothesis or not self.reference:
            return len(self.hypothesis) + len(self.reference)
        alignment, shifts = self.align(self.hypothesis), 0
        while alignment.cost > self.least and (better := self.best_shift(alignment)):
            alignment = better
            shifts += 1
        return alignment.cost + shifts

    def align(self, words: list[str]) -> Alignment:
        """The alignment of these words."""
        columns = self.columns(words)
        rises, falls = columns[-1]
        distance = len(words) + rises.bit_count() - falls.bit_count()
        if not self.strays(distance):
            return Alignment(words, distance, distance, "")
        path = self.path(words, columns)
        if self.allows(path, columns):
            return Alignment(words, distance, distance, path)
        cost, path = self.by_program(words)
        return Alignment(words, cost, distance, path)

    def columns(self, words: list[str]) -> Columns:
        """The matrix: its column before the first word, and behind each."""
        rises, falls, full = self.full, 0, self.full
        columns = [(rises, falls)]
        for word in words:
            equal = self.bits.get(word, 0)
            right = (((equal & rises) + rises) ^ rises) | equal
            grows = (falls | ~(right | rises)) << 1 | 1  # from the column before, in the row below
            equal |= falls
            falls = grows & equal
            rises = (((rises & right) << 1) | ~(equal | grows)) & full
            columns.append((rises, falls))
        return columns

    def best_shift(self, alignment: Alignment) -> Alignment | None:
        """The alignment after the shift that leaves the fewest edits; None where none saves an edit."""
        words, cost, full = alignment.words, alignment.cost, self.full
        columns, bits = self.columns(words), [self.bits.get(word, 0) for word in words]
        alignment.path = alignment.path or self.path(words, columns)
        best, fewest = None, cost  # what is tried must leave fewer
        for shift in self.shifts(alignment):
            start, end, behind = shift
            if fewest <= max(self.least, self.out_of_reach(alignment, end - start + 1)):
                break
            first = min(start, behind + 1)  # that the shift moves
            rises, falls = columns[first]
            for equal in moved(bits, shift)[first:]:  # as in `columns`, in place: this is where the time goes
                right = (((equal & rises) + rises) ^ rises) | equal
                grows = (falls | ~(right | rises)) << 1 | 1
                equal |= falls
                falls = grows & equal
                rises = (((rises & right) << 1) | ~(equal | grows)) & full
            distance = len(words) + rises.bit_count() - falls.bit_count()
            if distance < fewest:
                shifted = moved(words, shift)
                candidate = self.align(shifted) if self.strays(distance) else Alignment(shifted, distance, distance, "")
                if candidate.cost < fewest:
                    best, fewest = candidate, candidate.cost
        return best

    def out_of_reach(self, alignment: Alignment, length: int) -> int:
        """Edits of which no shift of so many words or fewer leaves fewer: it can save twice its length."""
        return alignment.distance - 2 * length

    def path(self, words: list[str], columns: Columns) -> str:
        """The operations of a cheapest alignment: of equal ways to a cell of the matrix the diagonal one, else INSERT.

        Both programs have this order of preference.
        """
        row, place, operations = len(self.reference), len(words), []
        while row and place:
            bit = 1 << row - 1
            rises, falls = columns[place - 1]
            equal = self.bits.get(words[place - 1], 0)
            right = (((equal & rises) + rises) ^ rises) | equal
            if equal & bit:
                operation = MATCH
            elif ~(right | rises) & bit or falls & bit:  # the distance grows from the column before
                operation = INSERT if falls & bit else SUBSTITUTE
            else:
                operation = DELETE if rises & right & bit or not rises & bit else SUBSTITUTE
            operations.append(operation)
            row -= operation != INSERT
            place -= operation != DELETE
        return "".join([INSERT * place or DELETE * row, *reversed(operations)])


def moved(items: list, shift: Shift) -> list:
    """The items after the shift."""
    start, end, behind = shift
    block = items[start : end + 1]
    if behind < start:
        return items[: behind + 1] + block + items[behind + 1 : start] + items[end + 1 :]
    return items[:start] + items[end + 1 : behind + 1] + block + items[behind + 1 :]


def errors(path: str) -> tuple[list[int], list[int], list[int]]:
    """How many words before each are wrong, and how many of the reference's; where each of those is aligned.

    One that is passed over is aligned with the word before it, -1 if there is none.
    """
    wrong, wrong_there, aligned = [0], [0], []
    for operation in path:
        error = operation != MATCH
        if operation != DELETE:
            wrong.append(wrong[-1] + error)
        if operation != INSERT:
            wrong_there.append(wrong_there[-1] + error)
            aligned.append(len(wrong) - 2)
    return wrong, wrong_there, aligned
