"""Translation edit rate as tercom 0.7.25 computes it, edit for edit.

What distinguishes its figures from sacrebleu's: of shifts that save as much the longest counts, then the first in the
order below; the alignment follows no cell that is BEAM edits above its column's best diagonal one, where sacrebleu's
stays within a band; a block is no farther than FARTHEST from the word its place is aligned with, not from the place's
own number; and there is no limit to how many shifts are tried.
"""

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

BEAM = 20  # edits
UNREACHED = 10**9


def edits(hypothesis: list[str], reference: list[str]) -> int:
    """Insertions, deletions, substitutions and shifts that turn the hypothesis into the reference."""
    return Tercom(hypothesis, reference).edits()


class Tercom(Search):
    """tercom's search."""

    def __init__(self, hypothesis: list[str], reference: list[str]):
        super().__init__(hypothesis, reference)
        self.unknown = sum(word not in self.bits for word in hypothesis)

    def strays(self, distance: int) -> bool:
        """A cell of a best path has at most `distance` edits, less the unknown words to come; the best cell of its
        column has at least the unknown words so far. So the path can be cut only if they differ by more than the beam.
        """
        return len(self.reference) > BEAM and distance - self.unknown > BEAM

    def allows(self, path: str, columns: Columns) -> bool:
        """No cell of the path, but for the last column, is more than the beam above its column's lowest."""
        cost = place = 0
        for operation in path:
            cost += operation != MATCH
            place += operation != DELETE
            if cost > BEAM and place < len(columns) - 1 and cost > place + _lowest(*columns[place]) + BEAM:
                return False
        return True

    def by_program(self, words: list[str]) -> tuple[int, str]:
        """The alignment that the beam leaves."""
        column = list(range(len(self.reference) + 1))
        ways = [DELETE * len(column)]
        for place, word in enumerate(words, 1):
            diagonal = [
                UNREACHED,
                *(cost + (word != other) for cost, other in zip(column, self.reference, strict=False)),
            ]
            limit = min(diagonal) + BEAM if place < len(words) else UNREACHED
            above, way, following = UNREACHED, [], []
            for cost, before in zip(diagonal, column, strict=True):
                operation = SUBSTITUTE
                if before + 1 < cost:
                    cost, operation = before + 1, INSERT
                if above + 1 < cost:
                    cost, operation = above + 1, DELETE
                above = cost if cost <= limit else UNREACHED
                following.append(above)
                way.append(operation)
            column = following
            ways.append("".join(way))
        row, place, operations = len(self.reference), len(words), []
        while row or place:
            operation = ways[place][row]
            row -= operation != INSERT
            place -= operation != DELETE
            equal = operation == SUBSTITUTE and words[place] == self.reference[row]
            operations.append(MATCH if equal else operation)
        return column[-1], "".join(reversed(operations))

    def shifts(self, alignment: Alignment) -> list[Shift]:
        """The longest first, then by what they move, and whereto.

        A block is moved that has a wrong word and stands in the reference elsewhere, where something is wrong too:
        behind the words that the reference's block is aligned with, or the word before it is.
        """
        words, reference = alignment.words, self.reference
        wrong, wrong_there, aligned = errors(alignment.path)
        found: list[list[Shift]] = [[] for _ in range(LONGEST)]
        for start, word in enumerate(words):
            places = self.places.get(word, [])
            distances = [aligned[place] - start for place in places]
            if not any(distance != 0 and -FARTHEST - 1 <= distance <= FARTHEST for distance in distances):
                continue
            for end in range(start, min(start + LONGEST, len(words))):
                length = end - start + 1
                places = [
                    place for place in places if reference[place + length - 1 : place + length] == words[end : end + 1]
                ]
                if not places:
                    break
                if wrong[end + 1] == wrong[start]:
                    continue
                away = [
                    place
                    for place in places
                    if not start <= aligned[place] <= end and -FARTHEST <= aligned[place] - start <= FARTHEST
                ]
                if not away:
                    break
                for place in away:
                    if wrong_there[place + length] > wrong_there[place]:
                        behinds = [aligned[place - 1] if place else -1, *aligned[place : place + length]]
                        # Into itself a block goes as far on as the word is from its start.
                        found[length - 1] += [
                            (start, end, behind if not start < behind <= end else behind + length - 1)
                            for behind in behinds
                            if behind != start
                        ]
        return [shift for shifts in reversed(found) for shift in dict.fromkeys(shifts)]

    def out_of_reach(self, alignment: Alignment, length: int) -> int:
        """Also in tercom's own reckoning, where the beam has made the cost more than the distance."""
        return max(super().out_of_reach(alignment, length), alignment.cost - 2 * length - 1)


def _lowest(rises: int, falls: int) -> int:
    """The least distance of a column less the first row's."""
    height = lowest = 0
    while falls:
        height += (rises & 1) - (falls & 1)
        lowest = min(lowest, height)
        rises >>= 1
        falls >>= 1
    return lowest
