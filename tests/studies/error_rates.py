"""How often a comparison is called significant: where there is no difference, and where there is one.

python tests/studies/error_rates.py [STUDIES]

Simulated studies (tests/simulated.py). The last level is what Holm's correction asks of the first of 150 comparisons.
`alpha` columns are the shares of studies with p below it without a difference, and what the last would be with the
degrees of freedom of Welch and Satterthwaite; power is the share with p < 0.05 (and
below the last level) at a difference of 1 and of 2 logits, some 20 and 35 points. The last table has the shares of
studies in which a claim of the literature is called supported where it is only just untrue (tests/claimed.py).
"""

import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "workflow")]

from claimed import NULLS, called  # noqa: E402
from simulated import (  # noqa: E402
    LEVELS,
    SPREADS,
    estimates_of,
    p_values,
    rejected,
    shared_baseline,
    shared_prompt,
    shared_subset,
    spread_claims,
    two_arms,
    welch,
)

STUDIES = {
    **{
        f"{seeds} seeds against {against}, spread {spread:g}": (two_arms, seeds, {"spread": spread, "other": other})
        for seeds in (2, 3, 5)
        for other, against in (("none", "an arm without"), ("seeds", f"{seeds} seeds"), ("wide", "5 times the spread"))
        for spread in ((0.0, 0.2, 0.6) if other == "none" else (0.0, 0.6) if other == "seeds" else (0.2,))
    },
    "3 seeds against an arm without, 30 records": (two_arms, 3, {"spread": 0.6, "other": "none", "records": 30}),
    "2 seeds against an arm without, 30 records": (two_arms, 2, {"spread": 0.2, "other": "none", "records": 30}),
    "two arms without seeds": (two_arms, 1, {"spread": 0.0, "other": "none"}),
    "two arms without seeds, 30 records": (two_arms, 1, {"spread": 0.0, "other": "none", "records": 30}),
    **{f"{n} seeds, a prompt shared by 5 tasks": (shared_prompt, n, {"spread": 0.4}) for n in (2, 3, 5)},
    **{f"{n} seeds, a baseline shared by 4 gains": (shared_baseline, n, {"spread": 0.4}) for n in (2, 3, 5)},
    **{f"{n} seeds, a subset shared by 3 models": (shared_subset, n, {"spread": 0.4}) for n in (2, 3, 5)},
    "3 seeds against an arm without, 20 clusters": (
        two_arms,
        3,
        {"spread": 0.1, "other": "none", "clusters": 20, "cluster_spread": 1.0},
    ),
}
EFFECTS = (1.0, 2.0)
CLAIM_STUDIES = 2  # likewise of claims of the literature, with seeds that spread so far:
CLAIM_SPREAD = 0.2
SPREAD_STUDIES = 5  # for each of so many comparisons one study of spreads, which takes longer


def main() -> None:
    """Print a Markdown table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    power = [f"power at {effect:g}" for effect in EFFECTS]
    titles = ["simulated", *(f"alpha {level:.2g}" for level in LEVELS), "the last by Welch", *power]
    print(f"| {' | '.join(titles)} |\n| --- | {' | '.join(['---:'] * (len(titles) - 1))} |")
    for name, (study, seeds, settings) in STUDIES.items():
        found = estimates_of(study, studies, seeds=seeds, **settings)
        shares = [*rejected(np.array([one.p for one in found])), rejected(np.array([welch(one) for one in found]))[-1]]
        cells = [f"{100 * share:.2f}%" for share in shares]
        for effect in EFFECTS:
            first, *_, last = rejected(p_values(study, studies // 10, seeds=seeds, effect=effect, **settings))
            cells.append(f"{100 * first:.0f}% ({100 * last:.0f}%)")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    print("\n| seeds that are | spread grows: p < 0.05 | demonstrations lower it: p < 0.05 |\n| --- | ---: | ---: |")
    for name, draw in SPREADS.items():
        rng = np.random.default_rng(7)
        p = np.array([spread_claims(rng, draw) for _ in range(max(studies // SPREAD_STUDIES // 2, 1))])
        print(f"| {name} | {' | '.join(f'{100 * share:.1f}%' for share in (p < 0.05).mean(axis=0))} |", flush=True)
    print("\n| part, where it is only just untrue | 2 seeds | 3 seeds | 5 seeds |\n| --- | ---: | ---: | ---: |")
    for part in NULLS:
        shares = []
        for seeds in (2, 3, 5):
            rng = np.random.default_rng(7)
            verdicts = [called(part, rng, seeds, CLAIM_SPREAD) for _ in range(max(studies // CLAIM_STUDIES, 1))]
            shares.append(f"{100 * verdicts.count('supported') / len(verdicts):.1f}%")
        print(f"| {part} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
