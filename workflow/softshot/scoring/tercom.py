"""Translation edit rate as tercom 0.7.25 computes it, edit for edit (Snover et al. 2006).

The search is greedy: of all shifts of a block of words to where the reference has it, the one that leaves the fewest
edits is made, as long as one saves what it costs. What distinguishes tercom's figures from sacrebleu's: among equal
shifts the longest counts, then the first in the order below; a shift that saves one edit, which is what it costs, is
made too if none is better; the alignment follows no cell that is BEAM above its column's best diagonal one; there is
no limit to how many shifts are tried.

Nearly all shifts are tried without that alignment. Their edit distance comes from bit vectors (Myers 1999), from the
first word on that they move, and is exact wherever the beam cannot matter, and never above tercom's anywhere.

https://aclanthology.org/2006.amta-papers.25
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

BEAM = 20  # edits
LONGEST = 10  # words of a shift
FARTHEST = 50  # words between a block and its place
MATCH, SUBSTITUTE, INSERT, DELETE = " SID"  # operations, of the hypothesis' words; DELETE passes one of the reference
UNREACHED = 10**9


def edits(hypothesis: list[str], reference: list[str]) -> int:
    """Insertions, deletions, substitutions and shifts that turn the hypothesis into the reference."""
    if not hypothesis or not reference:
        return len(hypothesis) + len(reference)
    target = _Target(hypothesis, reference)
    alignment, shifts = target.align(hypothesis), 0
    while alignment.cost > target.least and (better := _best_shift(alignment, target)):
        alignment = better
        shifts += 1
    return alignment.cost + shifts


class _Shift(NamedTuple):
    """The words from `start` to `end`, which is one of them, go behind the one at `behind` (-1: to the front)."""

    start: int
    end: int
    behind: int


@dataclass
class _Alignment:
    """Words aligned with the reference."""

    words: list[str]
    cost: int  # edits, as tercom counts them
    distance: int  # edits without its beam: at most `cost`
    path: str | None  # operations from the first word to the last; None: not followed yet


class _Target:
    """A reference as it is compared with all orders of a hypothesis' words.

    A column of the matrix of edit distances, one per word of the hypothesis, is two vectors of a bit per word of the
    reference: where the distance grows by one from the row above, and where it falls by one.
    """

    def __init__(self, hypothesis: list[str], reference: list[str]):
        self.words = reference
        self.places: dict[str, list[int]] = {}
        self.bits: dict[str, int] = {}
        for place, word in enumerate(reference):
            self.places.setdefault(word, []).append(place)
            self.bits[word] = self.bits.get(word, 0) | 1 << place
        self.full = (1 << len(reference)) - 1
        shared = (Counter(hypothesis) & Counter(reference)).total()
        self.least = max(len(hypothesis), len(reference)) - shared  # edits in whatever order the words are
        self.unknown = sum(word not in self.bits for word in hypothesis)

    def columns(self, words: list[str]) -> list[tuple[int, int]]:
        """The matrix: its column before the first word, and behind each."""
        columns, bits = [(self.full, 0)], self.bits
        for word in words:
            columns.append(_next(*columns[-1], bits.get(word, 0), self.full))
        return columns

    def align(self, words: list[str]) -> _Alignment:
        """The alignment of these words."""
        columns = self.columns(words)
        distance = len(words) + _height(columns[-1])
        if not self.beam_matters(distance):
            return _Alignment(words, distance, distance, None)
        path = _path(words, self, columns)
        if _inside_beam(path, columns):
            return _Alignment(words, distance, distance, path)
        cost, path = _beam_search(words, self.words)
        return _Alignment(words, cost, distance, path)

    def beam_matters(self, distance: int) -> bool:
        """Whether tercom's cost can be above this distance.

        A cell of a cheapest path has at most `distance` edits, less the unknown words to come; its column's best one
        has at least the unknown words so far. So the path is cut only if they differ by more than the beam.
        """
        return len(self.words) > BEAM and distance - self.unknown > BEAM


def _next(rises: int, falls: int, equal: int, full: int) -> tuple[int, int]:
    """The column behind a word, which the reference has where `equal` has bits."""
    right = (((equal & rises) + rises) ^ rises) | equal
    grows = (falls | ~(right | rises)) << 1 | 1  # from the column before, shifted to the row below
    equal |= falls
    return (((rises & right) << 1) | ~(equal | grows)) & full, grows & equal & full


def _height(column: tuple[int, int]) -> int:
    """The last row's distance less the first row's."""
    rises, falls = column
    return rises.bit_count() - falls.bit_count()


def _best_shift(alignment: _Alignment, target: _Target) -> _Alignment | None:
    """The alignment after the shift that leaves the fewest edits; None where none saves an edit."""
    words, cost = alignment.words, alignment.cost
    columns = target.columns(words)
    if alignment.path is None:
        alignment.path = _path(words, target, columns)
    bits, full = [target.bits.get(word, 0) for word in words], target.full
    best, fewest = None, cost  # what is tried must leave fewer
    for shift in _shifts(alignment, target):
        length = shift.end - shift.start + 1
        # What a shift can save is twice its length: for the real distance, and in tercom's own reckoning.
        if fewest <= max(target.least, alignment.distance - 2 * length, cost - 2 * length - 1):
            break
        moved = _moved(bits, shift)
        first = min(shift.start, shift.behind + 1)
        rises, falls = columns[first]
        for equal in moved[first:]:  # `_next`, in place, since this is where the time goes
            right = (((equal & rises) + rises) ^ rises) | equal
            grows = (falls | ~(right | rises)) << 1 | 1
            equal |= falls
            falls = grows & equal & full
            rises = (((rises & right) << 1) | ~(equal | grows)) & full
        distance = len(words) + rises.bit_count() - falls.bit_count()
        if distance < fewest:
            candidate = target.align(_moved(words, shift)) if target.beam_matters(distance) else None
            left = candidate.cost if candidate else distance
            if left < fewest:
                best, fewest = candidate or _Alignment(_moved(words, shift), distance, distance, None), left
    return best


def _moved(items: list, shift: _Shift) -> list:
    """The items after the shift."""
    start, end, behind = shift
    block = items[start : end + 1]
    if behind < start:
        return items[: behind + 1] + block + items[behind + 1 : start] + items[end + 1 :]
    if behind <= end:  # into itself: as far on as the place is from its start
        behind += end - start
    return items[:start] + items[end + 1 : behind + 1] + block + items[behind + 1 :]


def _path(words: list[str], target: _Target, columns: list[tuple[int, int]]) -> str:
    """The operations of a cheapest alignment: of equal ways to a cell of the matrix the diagonal one, else INSERT."""
    row, place, operations = len(target.words), len(words), []
    while row and place:
        bit = 1 << row - 1
        rises, falls = columns[place - 1]
        equal = target.bits.get(words[place - 1], 0)
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


def _inside_beam(path: str, columns: list[tuple[int, int]]) -> bool:
    """Whether no cell of the path is more than the beam above its column's lowest, so that tercom finds it too."""
    cost = place = 0
    for operation in path:
        cost += operation != MATCH
        place += operation != DELETE
        if cost > BEAM and place < len(columns) - 1 and cost > place + _lowest(*columns[place]) + BEAM:
            return False
    return True


def _lowest(rises: int, falls: int) -> int:
    """The least distance of a column less the first row's."""
    height = lowest = 0
    while falls:
        height += (rises & 1) - (falls & 1)
        lowest = min(lowest, height)
        rises >>= 1
        falls >>= 1
    return lowest


def _beam_search(words: list[str], reference: list[str]) -> tuple[int, str]:
    """The cost and the operations of the alignment that the beam leaves, by the whole matrix."""
    column = list(range(len(reference) + 1))
    ways = [DELETE * len(column)]
    for place, word in enumerate(words, 1):
        diagonal = [UNREACHED, *(cost + (word != other) for cost, other in zip(column, reference, strict=False))]
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
    row, place, operations = len(reference), len(words), []
    while row or place:
        operation = ways[place][row]
        row -= operation != INSERT
        place -= operation != DELETE
        operations.append(MATCH if operation == SUBSTITUTE and words[place] == reference[row] else operation)
    return column[-1], "".join(reversed(operations))


def _shifts(alignment: _Alignment, target: _Target) -> list[_Shift]:
    """The shifts that tercom tries, each once, in its order: the longest first, then by what they move, and whereto."""
    words, reference, places = alignment.words, target.words, target.places
    wrong, wrong_there, aligned = _errors(alignment.path)
    found: list[list[_Shift]] = [[] for _ in range(LONGEST)]
    for start, word in enumerate(words):
        targets = places.get(word, [])
        if not any(
            start != aligned[place] and -FARTHEST - 1 <= aligned[place] - start <= FARTHEST for place in targets
        ):
            continue
        for end in range(start, min(start + LONGEST, len(words))):
            length = end - start
            targets = [place for place in targets if reference[place + length : place + length + 1] == [words[end]]]
            if not targets:
                break
            if not any(wrong[start : end + 1]):
                continue
            away = [
                place
                for place in targets
                if not start <= aligned[place] <= end and -FARTHEST <= aligned[place] - start <= FARTHEST
            ]
            if not away:
                break
            for place in away:
                if any(wrong_there[place : place + length + 1]):
                    found[length].extend(
                        _Shift(start, end, behind) for behind in _destinations(start, place, length, aligned)
                    )
    return [shift for shifts in reversed(found) for shift in dict.fromkeys(shifts)]


def _destinations(start: int, place: int, length: int, aligned: list[int]) -> Iterator[int]:
    """Behind which words a block goes that the reference has from `place` on: those that its own words stand for.

    Also behind the one before them. `length` is the block's less one.
    """
    for offset in range(-1, length + 1):
        if offset < 0 and place == 0:
            yield -1
            continue
        behind = aligned[place + offset]
        if behind != start and (offset == 0 or behind != aligned[place]):
            yield behind


def _errors(path: str) -> tuple[list[bool], list[bool], list[int]]:
    """Which words are wrong, which of the reference's are, and where each of those is aligned.

    One that is passed over is aligned with the word before it, -1 if there is none.
    """
    wrong, wrong_there, aligned = [], [], []
    for operation in path:
        if operation != DELETE:
            wrong.append(operation != MATCH)
        if operation != INSERT:
            wrong_there.append(operation != MATCH)
            aligned.append(len(wrong) - 1)
    return wrong, wrong_there, aligned
