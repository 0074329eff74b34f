"""The numbers behind the claims: one per model and task, from the compared cells and by their roles.

ICL has the method none; PT is prompt tuning without demonstrations and IPT with them. Of several cells of a role the
first of the study is taken, of retrieved demonstrations the highest score.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from softshot.analysis.cells import PROMPT_TUNING, RANDOM, Cell, compared, with_and_without
from softshot.analysis.estimate import Estimate, Sample
from softshot.analysis.evidence import Evidence
from softshot.analysis.spread import Variance, variance
from softshot.grid import NOTHING


@dataclass(frozen=True)
class Roles:
    """The compared cells of one model on one task; None where the study or its finished runs have none."""

    random: Cell | None
    retrieved: Cell | None  # the best of them
    pt: Cell | None
    ipt: Cell | None

    @classmethod
    def of(cls, evidence: Evidence, model: str) -> "Roles":
        """The roles that the finished cells of a model play."""
        held = [cell for cell in compared(evidence.cells) if cell.model == model and cell in evidence.estimates]
        shown = [cell for cell in held if cell.method == NOTHING and cell.shots]
        tuned = [cell for cell in held if cell.method == PROMPT_TUNING and not cell.given]
        retrieved = [cell for cell in shown if cell.retriever != RANDOM]
        best = max(retrieved, key=lambda cell: evidence.sign * evidence.estimates[cell].value, default=None)
        return cls(
            next((cell for cell in shown if cell.retriever == RANDOM), None),
            best,
            next((cell for cell in tuned if not cell.shots), None),
            next((cell for cell in tuned if cell.shots), None),
        )


@dataclass(frozen=True)
class Spreads:
    """What one model and task say of spreads, from so many pairs or sizes; `dropped` of them could not spread."""

    value: float
    used: int
    dropped: int
    folders: frozenset[str]


def growth(evidence: Evidence, model: str) -> Spreads | None:
    """How the variance of PT's scores over seeds grows with the prompt: its slope on the logarithm to the base 2 of the
    tokens, in percent of its mean. None with fewer than two lengths of three or more seeds."""
    cells = [cell for cell in _sized(evidence, model) if not cell.shots]
    spreads = [(cell, spread) for cell in cells if (spread := variance(evidence, cell))]
    if len(spreads) < 2:
        return None
    x = np.log2([cell.size for cell, _ in spreads])
    y = np.array([spread.total - spread.noise for _, spread in spreads])
    x -= x.mean()
    mean = np.mean([spread.total for _, spread in spreads])
    value = float(100 * (x @ y) / (x @ x) / mean) if mean > 0 else 0.0
    return Spreads(value, len(spreads), len(cells) - len(spreads), _folders(evidence, [cell for cell, _ in spreads]))


def steadiness(evidence: Evidence, model: str) -> Spreads | None:
    """By how much more than half of the variance over seeds is PT's where PT and IPT have prompts of one length, in
    percent of the sum: the mean over lengths. None without a length at which both have three or more seeds."""
    pairs = list(_pairs(evidence, model))
    spreads = [(cells, pair_of_spreads) for cells, pair_of_spreads in pairs if pair_of_spreads]
    if not spreads:
        return None
    shares = [_share(*pair_of_spreads) for _, pair_of_spreads in spreads]
    behind = [cell for cells, _ in spreads for cell in cells]
    return Spreads(float(np.mean(shares)), len(spreads), len(pairs) - len(spreads), _folders(evidence, behind))


def over_places(name: str, values: dict[tuple[str, str], Spreads], grain: float) -> Estimate:
    """The mean over models and tasks, each of which counts as one draw: Student's t over them.

    Deviations over seeds need not be normal, and those of collapsed prompts are not; what they say of a model and task
    is one number, and these are held against one another.
    """
    sample = Sample(
        name=name,
        values={place: spread.value for place, spread in values.items()},
        grain=grain,
        units=frozenset([("model and task", name)]),
        folders=frozenset().union(*(spread.folders for spread in values.values())),
    )
    return Estimate.of(sample)


def _sized(evidence: Evidence, model: str) -> list[Cell]:
    """The prompts of a model whose runs are all of the study's own tasks and records, with enough seeds to say."""
    cells = [cell for cell in evidence.of_model(model) if cell.ordinary and cell.method == PROMPT_TUNING]
    return [cell for cell in cells if not cell.given and len(evidence.scores(cell)) > 2]


def _pairs(evidence: Evidence, model: str) -> Iterator[tuple[tuple[Cell, Cell], tuple[Variance, Variance] | None]]:
    for pair in with_and_without(_sized(evidence, model)):
        spreads = tuple(variance(evidence, cell) for cell in pair)
        yield pair, spreads if all(spreads) else None


def _share(one: Variance, other: Variance) -> float:
    """The first's part of two variances, less a half, in percent."""
    total = one.total + other.total
    return 50 * ((one.total - one.noise) - (other.total - other.noise)) / total if total > 0 else 0.0


def _folders(evidence: Evidence, cells: list[Cell]) -> frozenset[str]:
    return frozenset().union(*(evidence.estimates[cell].folders for cell in cells))
