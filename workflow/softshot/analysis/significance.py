"""The table of all comparisons: differences between cells with intervals, p-values and verdicts."""

import pandas as pd

from softshot.analysis.contrasts import Contrasts
from softshot.analysis.evidence import Evidence

COLUMNS = ["family", "model", "task", "metric", "one", "other", "one_mean", "other_mean", "one_n", "other_n"]
COLUMNS += ["difference", "low", "high", "p", "p_holm", "level", "verdict", "seeds_to_tell"]


def significance(evidence: dict[str, Evidence], contrasts: Contrasts) -> pd.DataFrame:
    """A row per comparison; `one` and `other` are arm/variant."""
    rows = []
    for contrast in contrasts.pairs.values():
        one, other = contrast.one, contrast.other
        of_task = evidence[one.task]
        estimates = of_task.estimates[one], of_task.estimates[other]
        rows.append(
            {
                "family": contrast.family,
                "model": one.model,
                "task": one.task,
                "metric": of_task.statistics.metric,
                "one": f"{one.arm}/{one.variant}",
                "other": f"{other.arm}/{other.variant}",
                "one_mean": estimates[0].value,
                "other_mean": estimates[1].value,
                "one_n": estimates[0].runs,
                "other_n": estimates[1].runs,
                "difference": contrast.estimate.value,
                "low": contrast.low,
                "high": contrast.high,
                "p": contrast.p,
                "p_holm": contrast.p_holm,
                "level": contrast.estimate.level,
                "verdict": contrast.verdict,
                "seeds_to_tell": contrast.seeds,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)
