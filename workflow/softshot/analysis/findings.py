"""Everything that the analysis found, as tables: what the files hold and the page shows."""

from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from softshot.analysis import (
    advice,
    baselines,
    claim_rows,
    claims,
    contrasts,
    cost,
    coverage,
    data_size,
    ensembles,
    marks,
    method_size,
    outputs,
    prompts,
    published,
    rates,
    scale,
    shift,
    significance,
    similarity,
    spread,
    tables,
    transfer,
)
from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import gather, secondary
from softshot.analysis.literature import Literature
from softshot.analysis.names import Names
from softshot.analysis.near import Near
from softshot.files import write_text
from softshot.settings import Study

INTERNAL = {"summary": tables.INTERNAL, "ensembles": ensembles.INTERNAL}  # columns that the files do without


@dataclass(frozen=True)
class Findings:
    """A study's tables, each written as `<name>.tsv`; docs/analysis.md explains every column.

    Every difference, gain and effect is positive where it is better; `low` and `high` are the ends of its interval.
    """

    summary: pd.DataFrame
    subsets: pd.DataFrame
    baselines: pd.DataFrame
    outputs: pd.DataFrame
    size: pd.DataFrame
    levels: pd.DataFrame
    spread: pd.DataFrame
    ensembles: pd.DataFrame
    similarity: pd.DataFrame
    transfer: pd.DataFrame
    data_size: pd.DataFrame
    crossings: pd.DataFrame
    shift: pd.DataFrame
    scale: pd.DataFrame
    scale_crossings: pd.DataFrame
    significance: pd.DataFrame
    cost: pd.DataFrame
    pareto: pd.DataFrame
    rates: pd.DataFrame
    prompts: pd.DataFrame
    claims: pd.DataFrame
    advice: pd.DataFrame
    demonstrations: pd.DataFrame
    data: pd.DataFrame
    missing: pd.DataFrame


def find(study: Study, results: Results, folder: Path) -> Findings:
    """Answer every question of the study from the runs in its folder `results/<study>` that are finished."""
    names = Names(study, results.cells)
    evidence = gather(study, results, folder)
    compared = contrasts.contrasts(study, evidence, advice.leaders(results))
    near = Near(study, folder, evidence)
    by_metric = {(task, of_task.statistics.metric): of_task for task, of_task in evidence.items()}
    by_metric |= secondary(study, results, evidence, folder)
    summary = tables.with_intervals(tables.summarise(results), results.cells, by_metric, study.analysis.confidence)
    summary = published.beside_summary(summary, published.scores(study, results))
    summary = marks.marked(summary, results.cells, evidence, compared)
    run_costs = cost.per_run(study, results)
    costs = cost.per_cell(run_costs)
    summary = summary.merge(costs[[*CELL, *cost.DRIFT]], on=CELL, how="left")
    binned = similarity.similarity(study, results, evidence, near)
    data = coverage.data(results, folder)
    tuned_at = rates.rates(results)
    shifts = shift.shifts(study, results, evidence, folder)
    shifted = shift.shift(study, evidence, shifts)
    sizes = scale.scale(study, results, evidence, compared, names)
    known = {"summary": summary, "similarity": binned, "data": data, "rates": tuned_at}
    known |= {"shift": shifted, "scale": sizes}
    together = ensembles.ensembles(study, evidence, folder)
    literature = Literature(study, results, evidence, compared, near, costs, together, shifts, names)
    asked = [*claims.parts(study, results, evidence, compared, near), *literature.parts()]
    gaps = coverage.missing(study, results, evidence, names, known)
    trivial = baselines.baselines(study, evidence, near, folder)
    return Findings(
        summary=summary,
        subsets=results.subsets,
        baselines=trivial,
        outputs=outputs.outputs(results),
        size=method_size.size(study, results, evidence),
        levels=method_size.levels(study, results, evidence),
        spread=spread.spread(study, results, evidence),
        ensembles=together,
        similarity=binned,
        transfer=transfer.transfer(results, evidence, compared),
        data_size=data_size.data_size(study, results, evidence, names, folder),
        shift=shifted,
        crossings=data_size.crossings(study, results, compared, names, folder),
        scale=sizes,
        scale_crossings=scale.crossings(study, results, evidence, compared, names),
        significance=significance.significance(evidence, compared),
        cost=run_costs,
        pareto=cost.pareto(results, summary, costs, compared),
        rates=tuned_at,
        prompts=prompts.prompts(results),
        claims=claim_rows.claims(study, asked),
        advice=advice.advice(study, results, evidence, compared, costs, trivial, gaps, names),
        demonstrations=coverage.demonstrations(results, folder),
        data=data,
        missing=gaps,
    )


def write(findings: Findings, folder: Path) -> None:
    """Write every table to `folder`."""
    for field in fields(findings):
        table = getattr(findings, field.name).drop(columns=INTERNAL.get(field.name, []))
        write_text(folder / f"{field.name}.tsv", tables.as_tsv(table))
