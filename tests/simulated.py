"""Simulated answers of two arms, of which the truth is known, for what intervals and tests promise."""

import numpy as np

from softshot.analysis.bootstrap import Estimate, difference, replicate
from softshot.analysis.records import Statistics


def outcomes(rng, arms: list[float], seeds: int, records: int, spread: float) -> Statistics:
    """Right and wrong answers of several arms: chance of a right one `arms`, which seeds and records change.

    `spread` is the deviation of a seed's chance, on the scale of logits; records differ by 1.
    """
    hard, of = rng.normal(0, 1, records), {}
    for arm, level in enumerate(arms):
        own = rng.normal(0, 0.5, records)  # what one arm finds harder than the other
        for seed in range(1, seeds + 1):
            chance = 1 / (1 + np.exp(-(level + hard + own + rng.normal(0, spread))))
            right = (rng.random(records) < chance).astype(float)
            of[f"{arm}-{seed}"] = np.column_stack([right, np.ones(records)])
    return Statistics("t", "exact_match", False, [str(n) for n in range(records)], of)


def contrast(known: Statistics, seeds: int, number: int) -> Estimate:
    """Arm 0 less arm 1."""
    found = replicate(known, ("simulation", str(number)), 200)
    arms = [found.arm([(f"{arm}-{seed}", seed) for seed in range(1, seeds + 1)]) for arm in (0, 1)]
    return difference(*arms)


def rejected(seeds: int, spread: float, effect: float = 0.0, records: int = 100, studies: int = 400) -> float:
    """Share of simulated studies in which p < 0.05."""
    rng = np.random.default_rng(7)
    made = (outcomes(rng, [effect, 0.0], seeds, records, spread) for _ in range(studies))
    return float(np.mean([contrast(known, seeds, number).p < 0.05 for number, known in enumerate(made)]))
