"""Cross-task transfer: what a prompt tuned on one task adds to demonstrations of another."""

import pandas as pd

from softshot.analysis.bootstrap import Estimate, difference
from softshot.analysis.collect import Results
from softshot.analysis.evidence import Evidence, Key, cells, keys, ordinary
from softshot.analysis.lengths import deviation, seed_scores
from softshot.analysis.significance import compare, holm
from softshot.settings import Study

COLUMNS = ["model", "source", "target", "tokens", "demonstrations", "metric", "score", "sd", "n", "icl", "gain"]
COLUMNS += ["low", "high", "p", "p_holm", "level"]


def transfer(study: Study, results: Results, found: dict[str, Evidence]) -> pd.DataFrame:
    """A row per transferred prompt and target task: its score, and the gain over ICL with the same demonstrations.

    Runs that are not there leave their numbers empty. p_holm is over the table.
    """
    rows = []
    for moved, alone, about in pairs(results):
        evidence = found.get(moved[1])
        scores = seed_scores(found, moved)
        row = about | {"metric": "", "sd": deviation(scores), "n": len(scores), "level": ""}
        row["score"] = scores.mean() if len(scores) else None
        if evidence is not None:
            row["metric"] = evidence.statistics.metric
            row["icl"] = evidence.estimates[alone].value if alone in evidence.estimates else None
            if alone and (made := compare(study, evidence, moved, alone)):
                low, high = made.estimate.interval(study.analysis.confidence)
                row |= {"gain": made.estimate.value, "low": low, "high": high, "p": made.p}
                row["level"] = made.estimate.level
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    numbers = ["score", "sd", "icl", "gain", "low", "high", "p"]
    table[numbers] = table[numbers].astype(float)
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def pairs(results: Results) -> list[tuple[Key, Key | None, dict]]:
    """Every transferred cell of the study, ICL with the same demonstrations (None: not in the study), and its names."""
    table = cells(results)
    alone = table[(table["arm"] == "icl") & ordinary(table)]
    icl = dict(zip(zip(alone.model, alone.task, alone.demonstrations, strict=True), keys(alone), strict=True))
    moved = table[table["arm"] == "transfer"]
    found = []
    for row, key in zip(moved.itertuples(index=False), keys(moved), strict=True):
        about = {"model": row.model, "source": row.source, "target": row.task, "tokens": row.tokens}
        about["demonstrations"] = row.demonstrations
        found.append((key, icl.get((row.model, row.task, row.demonstrations)), about))
    return found


def gains(results: Results, found: dict[str, Evidence]) -> dict[tuple[str, str], list[Estimate]]:
    """Per model and target task the gains of all source tasks."""
    made: dict[tuple[str, str], list[Estimate]] = {}
    for moved, alone, _ in pairs(results):
        evidence = found.get(moved[1])
        if evidence is not None and {moved, alone} <= evidence.estimates.keys():
            one, other = evidence.estimates[moved], evidence.estimates[alone]
            made.setdefault(moved[:2], []).append(difference(one, other, evidence.lower))
    return made
