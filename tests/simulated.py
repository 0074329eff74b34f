"""Simulated studies of right and wrong answers with known truth: what intervals and tests promise is held against them.

A record is answered rightly with a chance on the scale of logits: that of the arm, of the record (deviation 1), of the
arm on this record (0.5), and of the seed (`spread`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats

from softshot.analysis.bootstrap import Replicates, replicate
from softshot.analysis.cells import PROMPT_TUNING, Cell
from softshot.analysis.effects import growth, over_places, steadiness
from softshot.analysis.estimate import Estimate, difference, mean
from softshot.analysis.evidence import Evidence, estimates
from softshot.analysis.records import Statistics
from softshot.grid import Run, runs
from softshot.settings import Study

RESAMPLES = 200
LEVELS = (0.05, 0.01, 0.001, 0.05 / 150)  # the last: what Holm asks of the first of 150 comparisons


@dataclass
class Records:
    """A task's records and the answers of runs to them."""

    rng: np.random.Generator
    name: str
    count: int
    clusters: int = 0  # of equally many records; 0: every record is one
    cluster_spread: float = 0.0  # deviation of what an arm finds harder in a whole cluster

    def __post_init__(self):
        self.of: dict[str, np.ndarray] = {}
        self.own: dict[str, np.ndarray] = {}
        self.hard = self.rng.normal(0, 1, self.count)
        self.group = np.arange(self.count) * (self.clusters or self.count) // self.count

    def run(self, arm: str, seed: int, level: float) -> None:
        """One run's answers."""
        if arm not in self.own:
            by_cluster = self.rng.normal(0, self.cluster_spread, self.count)[self.group]
            self.own[arm] = self.rng.normal(0, 0.5, self.count) + by_cluster
        chance = 1 / (1 + np.exp(-(level + self.hard + self.own[arm])))
        right = (self.rng.random(self.count) < chance).astype(float)
        self.of[f"{arm}/{seed}"] = np.column_stack([right, np.ones(self.count)])

    def replicates(self) -> Replicates:
        """All runs, scored."""
        ids = [str(number) for number in range(self.count)]
        statistics = Statistics(self.name, "exact_match", False, ids, self.of, self.group)
        return replicate(statistics, ("simulation", self.name, str(self.rng.integers(2**62))), RESAMPLES)


def estimate(replicates: Replicates, arm: str, seeds: Iterable[int], *units: str) -> Estimate:
    """An arm's mean; without units a single run in which nothing is random."""
    runs = [(f"{arm}/{seed}", seed) for seed in seeds]
    return replicates.estimate((arm,), runs, frozenset((unit,) for unit in units))


def two_arms(
    rng: np.random.Generator,
    seeds: int,
    spread: float,
    effect: float = 0.0,
    records: int = 400,
    other: str = "seeds",
    **clusters: float,
) -> Estimate:
    """An arm less another one: of as many seeds, with nothing random (`none`), or of other spread (`wide`)."""
    task = Records(rng, "t", records, **clusters)
    theirs = {"seeds": spread, "wide": 5 * spread, "none": 0.0}[other]
    for seed in range(1, seeds + 1):
        task.run("one", seed, effect + rng.normal(0, spread))
        if other != "none":
            task.run("other", seed, rng.normal(0, theirs))
    if other == "none":
        task.run("other", 0, 0.0)
    scored, names = task.replicates(), range(1, seeds + 1)
    against = estimate(scored, "other", [0]) if other == "none" else estimate(scored, "other", names, "other")
    return difference(estimate(scored, "one", names, "one"), against)


def shared_prompt(
    rng: np.random.Generator, seeds: int, spread: float, effect: float = 0.0, tasks: int = 5, records: int = 200
) -> Estimate:
    """The mean gain over several tasks of prompts of one source: how good a prompt is, is shared by all of them."""
    quality = rng.normal(0, spread, seeds)
    gains = []
    for number in range(tasks):
        task = Records(rng, f"t{number}", records)
        task.run("alone", 0, 0.0)
        for seed in range(1, seeds + 1):
            task.run("moved", seed, effect + quality[seed - 1])
        scored = task.replicates()
        moved = estimate(scored, "moved", range(1, seeds + 1), "prompt")
        gains.append(difference(moved, estimate(scored, "alone", [0])))
    return mean(gains)


def shared_baseline(
    rng: np.random.Generator, seeds: int, spread: float, effect: float = 0.0, sources: int = 4, records: int = 200
) -> Estimate:
    """The mean gain of several arms, which hardly spread, over one baseline with seeds."""
    task, names = Records(rng, "t", records), range(1, seeds + 1)
    for seed in names:
        task.run("alone", seed, rng.normal(0, spread))
        for source in range(sources):
            task.run(f"moved {source}", seed, effect + rng.normal(0, spread / 10))
    scored = task.replicates()
    alone = estimate(scored, "alone", names, "demonstrations")
    return mean(
        [
            difference(estimate(scored, f"moved {source}", names, f"prompt {source}", "demonstrations"), alone)
            for source in range(sources)
        ]
    )


def shared_subset(
    rng: np.random.Generator, seeds: int, spread: float, effect: float = 0.0, models: int = 3, records: int = 200
) -> Estimate:
    """The mean difference over models of two arms; a seed's part of the training records is worth the same to the
    first arm of all models, and nothing to the second."""
    quality, leads = rng.normal(0, spread, seeds), []
    task, names = Records(rng, "t", records), range(1, seeds + 1)
    for model in range(models):
        for seed in names:
            task.run(f"one {model}", seed, effect + quality[seed - 1])
            task.run(f"other {model}", seed, 0.0)
    scored = task.replicates()
    for model in range(models):
        arms = (estimate(scored, f"{arm} {model}", names, "subset", f"{arm} {model}") for arm in ("one", "other"))
        leads.append(difference(*arms))
    return mean(leads)


SPREADS = {  # how far a seed moves a score, on the scale of logits
    "normal": lambda rng, n: rng.normal(0, 0.4, n),
    "t with 3 degrees of freedom": lambda rng, n: 0.3 * rng.standard_t(3, n),
    "lognormal": lambda rng, n: 0.3 * np.exp(rng.normal(0, 1, n)),
    "one seed in eight collapses": lambda rng, n: rng.normal(0, 0.4, n) - 1.5 * (rng.random(n) < 0.125),
}
LENGTHS = {1: 0.006, 3: 0.059, 5: 0.02, 10: 0.068, 25: 0.252, 50: 0.621, 100: 0.593, 150: 0.432}  # about MTOP's PT


def spread_claims(rng: np.random.Generator, draw: Callable, seeds: int = 3, places: int = 12) -> tuple[float, float]:
    """The p-values of the claims that a spread grows with the prompt, and that demonstrations lower it, where all
    prompts spread alike on the scale of logits."""
    grown, steady = {}, {}
    for place in range(places):
        evidence = _prompts(rng, draw, seeds)
        key = ("m", f"t{place}")
        if found := growth(evidence, "m"):
            grown[key] = found
        if found := steadiness(evidence, "m"):
            steady[key] = found
    return over_places("3a", grown, 1.0).p, over_places("3b", steady, 1.0).p


def _prompts(rng: np.random.Generator, draw: Callable, seeds: int, records: int = 600) -> Evidence:
    """Prompts of all lengths, without demonstrations and with, on one task."""
    of, members = {}, {}
    for length, share in LENGTHS.items():
        for shots in (0, 1):
            arm = "ipt" if shots else "pt"
            cell = Cell("m", "t", arm, f"tokens-{length}", PROMPT_TUNING, "tokens", length, None, shots, None, None)
            chances = 1 / (1 + np.exp(-np.log(share / (1 - share)) - draw(rng, seeds)))
            names = [f"{arm}-{length}-{seed}" for seed in range(1, seeds + 1)]
            for name, chance in zip(names, chances, strict=True):
                of[name] = np.column_stack([rng.random(records) < chance, np.ones(records)]).astype(float)
            members[cell] = [(name, seed) for seed, name in enumerate(names, 1)]
    ids = [str(number) for number in range(records)]
    statistics = Statistics("t", "exact_match", False, ids, of, np.arange(records))
    replicates = replicate(statistics, ("simulation", str(rng.integers(2**62))), 100)
    return Evidence("t", list(members), members, statistics, replicates, estimates(replicates, members))


def estimates_of(study: Callable[..., Estimate], studies: int, seed: int = 7, **settings) -> list[Estimate]:
    """What so many simulated studies find."""
    rng = np.random.default_rng(seed)
    return [study(rng, **settings) for _ in range(studies)]


def p_values(study: Callable[..., Estimate], studies: int, **settings) -> np.ndarray:
    """Their p-values."""
    return np.array([found.p for found in estimates_of(study, studies, **settings)])


def welch(found: Estimate) -> float:
    """What p would be with the degrees of freedom of Welch and Satterthwaite."""
    below = sum(part.variance**2 / part.freedom for part in found.parts)
    freedom = found.error**4 / below if below else np.inf
    return float(2 * stats.t.sf(abs(found.value) / found.error, freedom)) if found.error else 1.0


def rejected(p: np.ndarray) -> list[float]:
    """The share of p-values below each of LEVELS."""
    return [float(np.mean(p < level)) for level in LEVELS]


def scored_study(
    rng: np.random.Generator, study: Study, level: Callable[[Run], float], spread: float = 0.0, records: int = 400
) -> tuple[SimpleNamespace, dict[str, Evidence]]:
    """A study's results and evidence where a run is right at a `level` of its own, on the scale of logits, to which
    each seed adds a draw: the results have what the questions of whole studies read."""
    grid, evidence, values = list(runs(study)), {}, {}
    for task in study.data.tasks:
        answers, members = Records(rng, task, records), {}
        for run in grid:
            if run.task == task:
                cell, seed = Cell.of(run), rng.normal(0, spread) if run.seed else 0.0
                answers.run("/".join(cell.key), run.seed, level(run) + seed)
                members.setdefault(cell, []).append(("/".join([*cell.key, str(run.seed)]), run.seed))
        replicates = answers.replicates()
        ids, group = [str(number) for number in range(records)], answers.group
        statistics = Statistics(task, "exact_match", False, ids, answers.of, group)
        evidence[task] = Evidence(task, list(members), members, statistics, replicates, estimates(replicates, members))
        values |= {cell.key: evidence[task].scores(cell) for cell in members}
    metrics = pd.DataFrame({"task": study.data.tasks, "metric": "exact_match"})
    return SimpleNamespace(cells=list(dict.fromkeys(map(Cell.of, grid))), metrics=metrics, values=values), evidence
