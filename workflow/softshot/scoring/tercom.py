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
from dataclasses import dataclass

BEAM = 20  # edits
LONGEST = 10  # words of a shift
FARTHEST = 50  # words between a block and its place
MATCH, SUBSTITUTE, INSERT, DELETE = " SID"  # operations, of the hypothesis' words; DELETE passes one of the reference
UNREACHED = 10**9

# start, end, behind: the words from `start` to `end`, which is one of them, go behind the one at `behind`, -1 for the
# front.
Shift = tuple[int, int, int]


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
    return (((rises & right) << 1) | ~(equal | grows)) & full, grows & equal


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
        start, end, behind = shift
        length = end - start + 1
        # What a shift can save is twice its length: for the real distance, and in tercom's own reckoning.
        if fewest <= max(target.least, alignment.distance - 2 * length, cost - 2 * length - 1):
            break
        first = min(start, behind + 1)  # that the shift moves
        rises, falls = columns[first]
        for equal in _moved(bits, shift)[first:]:  # `_next`, in place, since this is where the time goes
            right = (((equal & rises) + rises) ^ rises) | equal
            grows = (falls | ~(right | rises)) << 1 | 1
            equal |= falls
            falls = grows & equal
            rises = (((rises & right) << 1) | ~(equal | grows)) & full
        distance = len(words) + rises.bit_count() - falls.bit_count()
        if distance < fewest:
            candidate = target.align(_moved(words, shift)) if target.beam_matters(distance) else None
            left = candidate.cost if candidate else distance
            if left < fewest:
                best, fewest = candidate or _Alignment(_moved(words, shift), distance, distance, None), left
    return best


def _moved(items: list, shift: Shift) -> list:
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


def _shifts(alignment: _Alignment, target: _Target) -> list[Shift]:
    """The shifts that tercom tries, each once, in its order: the longest first, then by what they move, and whereto.

    A block is moved that has a wrong word and stands in the reference elsewhere, where something is wrong too: behind
    the words that the reference's block is aligned with, or the word before it is.
    """
    words, reference = alignment.words, target.words
    errors, errors_there, aligned = _errors(alignment.path)
    found: list[list[Shift]] = [[] for _ in range(LONGEST)]
    for start, word in enumerate(words):
        places = target.places.get(word, [])
        if not any(start != aligned[place] and -FARTHEST - 1 <= aligned[place] - start <= FARTHEST for place in places):
            continue
        for end in range(start, min(start + LONGEST, len(words))):
            length = end - start + 1
            if length > 1:
                last = words[end]
                places = [
                    place
                    for place in places
                    if place + length <= len(reference) and reference[place + length - 1] == last
                ]
            if not places:
                break
            if errors[end + 1] == errors[start]:
                continue
            away = False
            for place in places:
                there = aligned[place]
                if start <= there <= end or not -FARTHEST <= there - start <= FARTHEST:
                    continue
                away = True
                if errors_there[place + length] > errors_there[place]:
                    behinds = [aligned[place - 1] if place else -1, *aligned[place : place + length]]
                    found[length - 1] += [(start, end, behind) for behind in behinds if behind != start]
            if not away:
                break
    return [shift for shifts in reversed(found) for shift in dict.fromkeys(shifts)]


def _errors(path: str) -> tuple[list[int], list[int], list[int]]:
    """How many words before each are wrong, and how many of the reference's; where each of those is aligned.

    One that is passed over is aligned with the word before it, -1 if there is none.
    """
    errors, errors_there, aligned = [0], [0], []
    for operation in path:
        wrong = operation != MATCH
        if operation != DELETE:
            errors.append(errors[-1] + wrong)
        if operation != INSERT:
            errors_there.append(errors_there[-1] + wrong)
            aligned.append(len(errors) - 2)
    return errors, errors_there, aligned
