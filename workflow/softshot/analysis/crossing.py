"""Where one arm overtakes another along something that grows: training records, or the model's parameters.

A crossing is told only where one arm is significantly worse at some place and significantly better at a larger one:
curves of equal arms cross at random as well.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from softshot.analysis.cells import Cell
from softshot.analysis.contrasts import BETTER, WORSE, Contrasts
from softshot.analysis.estimate import Estimate, linear
from softshot.settings import Study

STEPS = 60  # at which the interval of a crossing is sought between two places


class Axis(NamedTuple):
    """What grows, in words."""

    places: str  # of what there must be two: `sizes`
    any_place: str  # `at any number of training records`
    unit: str  # after a number: `training records`
    say: Callable[[float], str]  # the number


class Pair(NamedTuple):
    """Two cells at one place of the axis."""

    at: float
    one: Cell
    other: Cell


Crossing = tuple[float, float, float, str]  # at, low, high, a sentence; numbers are NaN where nothing crosses


def crossing(study: Study, contrasts: Contrasts, pairs: list[Pair], titles: list[str], axis: Axis) -> Crossing:
    """Where the two curves `titles` change places, by the pairs that have finished runs."""
    nothing = (float("nan"),) * 3
    compared = {pair: contrast for pair in pairs if (contrast := contrasts.of(pair.one, pair.other))}
    if len(compared) < 2:
        text = f"{titles[0]} and {titles[1]} have fewer than two {axis.places} in common: nothing can be said."
        return *nothing, text
    ahead = [pair.at for pair, contrast in compared.items() if contrast.verdict == BETTER]
    behind = [pair.at for pair, contrast in compared.items() if contrast.verdict == WORSE]
    if not ahead and not behind:
        return *nothing, f"{titles[0]} and {titles[1]}: no order is certain {axis.any_place}."
    if not ahead or not behind:
        better, worse = titles if ahead else titles[::-1]
        at = ", ".join(axis.say(place) for place in ahead or behind)
        rest = "" if len(compared) == len(ahead or behind) else "; at others no order is certain"
        return *nothing, f"{better} scores better than {worse} at {at} {axis.unit}{rest}."
    leader, loser = titles[::-1] if min(behind) > min(ahead) else titles
    before, after = sorted((min(ahead), min(behind)))
    between = [(pair.at, contrast.estimate) for pair, contrast in compared.items() if before <= pair.at <= after]
    at, low, high = _place(*zip(*between, strict=True), study.analysis.confidence)
    text = f"{leader} overtakes {loser} at about {axis.say(at)} {axis.unit} ({axis.say(low)} to {axis.say(high)})."
    orders = f"{loser} is significantly better at {axis.say(before)}, {leader} at {axis.say(after)}."
    return at, low, high, f"{text} {orders}"


def _place(places: list[float], leads: list[Estimate], confidence: float) -> tuple[float, float, float]:
    """Where the lead is 0, on the logarithm between neighbours, and all places where its interval has 0."""
    points = list(_between(np.log(places), leads))
    at = next(
        left + (right - left) * one.value / (one.value - other.value)
        for (left, one), (right, other) in itertools.pairwise(points)
        if one.value == 0 or (one.value * other.value <= 0 and one.value != other.value)
    )
    inside = [x for x, estimate in points if abs(estimate.value) <= estimate.half_width(confidence)]
    ends = (min([at, *inside]), max([at, *inside]))
    return float(np.exp(at)), float(np.exp(ends[0])), float(np.exp(ends[1]))


def _between(x: np.ndarray, leads: list[Estimate]) -> Iterator[tuple[float, Estimate]]:
    """The leads, and those between neighbours that lie on the line from one to the other."""
    for place in range(len(x) - 1):
        for share in np.arange(STEPS) / STEPS:
            weighted = linear([(1 - share, leads[place]), (share, leads[place + 1])])
            yield x[place] + share * (x[place + 1] - x[place]), weighted
    yield x[-1], leads[-1]
