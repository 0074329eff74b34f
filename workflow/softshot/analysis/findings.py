"""Everything that the analysis found, as tables: what the files hold and the page shows."""

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from softshot.analysis import (
    advice,
    claims,
    cost,
    coverage,
    lengths,
    prompts,
    published,
    significance,
    similarity,
    sizes,
    tables,
    transfer,
)
from softshot.analysis.collect import Results
from softshot.analysis.evidence import Evidence, cells, gather, is_compared, keys
from softshot.files import write_text
from softshot.settings import Study

INTERNAL = {"summary": ["tokens", "listed", "lower"]}  # columns that the page uses and the file does without


@dataclass(frozen=True)
class Findings:
    """A study's tables, each written as `<name>.tsv`; docs/analysis.md explains every column.

    Every difference, gain and effect is positive where it is better; `low` and `high` are the ends of its interval.
    """

    summary: pd.DataFrame
    subsets: pd.DataFrame
    tokens: pd.DataFrame
    levels: pd.DataFrame
    spread: pd.DataFrame
    similarity: pd.DataFrame
    transfer: pd.DataFrame
    sizes: pd.DataFrame
    crossings: pd.DataFrame
    significance: pd.DataFrame
    cost: pd.DataFrame
    pareto: pd.DataFrame
    prompts: pd.DataFrame
    claims: pd.DataFrame
    advice: pd.DataFrame
    demonstrations: pd.DataFrame
    data: pd.DataFrame
    missing: pd.DataFrame


def find(study: Study, results: Results, folder: Path) -> Findings:
    """Answer every question of the study from the runs in its folder `results/<study>` that are finished."""
    found = gather(study, results, folder)
    near = similarity.Near(study, folder, found)
    plain = tables.summarise(results)
    tests = significance.significance(study, found)
    summary = marked(published.beside_summary(plain), results, found, tests)
    made = {
        "summary": summary,
        "similarity": similarity.similarity(study, found, near),
        "pareto": cost.pareto(results, summary),
        "data": coverage.data(results, folder),
    }
    gaps = coverage.missing(study, results, found, made)
    return Findings(
        **made,
        subsets=results.subsets,
        tokens=lengths.tokens(study, results, plain, found),
        levels=lengths.levels(study, results, plain, found),
        spread=lengths.spread(study, results, found),
        transfer=transfer.transfer(study, results, found),
        sizes=sizes.sizes(study, results, found, folder),
        crossings=sizes.crossings(study, results, found, folder),
        significance=tests,
        cost=results.costs,
        prompts=prompts.prompts(results, folder),
        claims=claims.claims(study, results, found, near),
        advice=advice.advice(study, found, made["pareto"], gaps),
        demonstrations=coverage.demonstrations(results, folder),
        missing=gaps,
    )


def write(findings: Findings, folder: Path) -> None:
    """Write every table to `folder`."""
    for field in fields(findings):
        table = getattr(findings, field.name).drop(columns=INTERNAL.get(field.name, []))
        write_text(folder / f"{field.name}.tsv", tables.as_tsv(table))


def marked(summary: pd.DataFrame, results: Results, found: dict[str, Evidence], tests: pd.DataFrame) -> pd.DataFrame:
    """The summary with `compared` and `mark`, which say what is best beyond chance.

    `best`: significantly better than every other compared arm of its model and task. `tied`: the best mean, or not
    significantly worse than it. A single compared arm, and a best score of 0, have no mark.
    """
    table = cells(results)
    compared = set(keys(table[is_compared(table)]))
    main = set(tables.main_scores(summary).index)
    names = keys(summary)
    marks: dict[tuple, str] = {}
    for evidence in found.values():
        for model in evidence.cells["model"].unique():
            there = [key for key in compared if key[0] == model and key in evidence.estimates]
            marks |= _marks(evidence, there, tests)
    rows = [place in main and key in compared for place, key in zip(summary.index, names, strict=True)]
    return summary.assign(
        compared=rows, mark=[marks.get(key, "") if row else "" for key, row in zip(names, rows, strict=True)]
    )


def _marks(evidence: Evidence, there: list[tuple], tests: pd.DataFrame) -> dict[tuple, str]:
    """The marks of one model and task."""
    sign = -1 if evidence.lower else 1
    best = max(there, key=lambda key: sign * evidence.estimates[key].value, default=None)
    if len(there) < 2 or (evidence.estimates[best].value == 0 and not evidence.lower):
        return {}
    of_cell = tests[(tests["family"] == "main") & (tests["model"] == best[0]) & (tests["task"] == evidence.task)]
    said = of_cell.loc[of_cell["significant"], ["one", "other"]].itertuples(index=False, name=None)
    told = {frozenset(pair) for pair in said}
    name = "/".join(best[2:])
    tied = [key for key in there if key != best and frozenset((name, "/".join(key[2:]))) not in told]
    return dict.fromkeys([best, *tied], "tied") if tied else {best: "best"}
