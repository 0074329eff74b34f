"""report.html: one self-contained page about a study. It asks the network for nothing and runs no script."""

from datetime import datetime
from pathlib import Path

import jinja2
import pandas as pd
import yaml
from markupsafe import Markup

from softshot.analysis import tables
from softshot.analysis.collect import CELL, Results
from softshot.analysis.examples import examples
from softshot.analysis.figures import Panel, as_svg
from softshot.files import write_text
from softshot.settings import Study
from softshot.study import analysis_slice, evaluation

TEMPLATE = Path(__file__).parents[2] / "report"
TRUNCATED = [f"{stage}truncated_{part}" for stage in ("", "tuning_") for part in ("demonstrations", "inputs")]


def write_report(
    path: Path, study: Study, results: Results, summary: pd.DataFrame, drawings: dict[str, list[Panel]]
) -> None:
    """Render the page to `path`; the study's other files are read from the folder `path` is in."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,  # titles, records and predictions are text of strangers
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "task": tables.task_label,
        "metric": tables.metric_label,
        "variant": tables.variant_label,
        "arm": tables.ARMS.__getitem__,
        "number": number,
        "duration": duration,
    }
    runs, costs = results.runs, cost_rows(results)
    page = environment.get_template("report.html.j2").render(
        study=study,
        style=Markup((TEMPLATE / "report.css").read_text(encoding="utf-8")),
        date=f"{datetime.now():%-d %B %Y}",
        done=int(runs["done"].sum()),
        expected=len(runs),
        missing=missing_runs(runs),
        arms=list(runs["arm"].unique()),
        tuned=bool((runs["tokens"] > 0).any()),
        lengths=sorted(int(tokens) for tokens in runs.loc[runs["tokens"] > 0, "tokens"].unique()),
        tasks=task_columns(study, results),
        models=score_rows(summary),
        remarks=results.remarks.to_dict("records"),
        subsets=subset_rows(results),
        figures={
            name: [{"svg": Markup(as_svg(panel.chart)), "words": panel.words} for panel in panels]
            for name, panels in drawings.items()
        },
        examples=examples(study, results, path.parent),
        costs=costs,
        truncations=[row for rows in costs.values() for row in rows if any(row[column] > 0 for column in TRUNCATED)],
        total_tuning=results.costs["tuning_seconds"].sum(),
        total_generation=results.costs["generation_seconds"].sum(),
        configuration=yaml.safe_dump(analysis_slice(study), sort_keys=False, allow_unicode=True, width=100),
        provenance=provenance(results.notes),
    )
    write_text(path, page)


def missing_runs(runs: pd.DataFrame) -> list[dict]:
    """What has no result yet: one entry per model, task, arm and variant, with its seeds."""
    waiting = runs[~runs["done"]].groupby(CELL, sort=False).agg(seeds=("seed", list), tokens=("tokens", "first"))
    return waiting.reset_index().to_dict("records")


def task_columns(study: Study, results: Results) -> list[dict]:
    """A column of the score table per task: its main metric, and the records and split that it is measured on."""
    main = results.metrics.drop_duplicates("task").set_index("task")
    return [
        {
            "task": task,
            "metric": main["metric"].get(task, ""),
            "records": main["records"].get(task),
            "split": evaluation(study, task),
        }
        for task in results.runs["task"].unique()
    ]


def score_rows(summary: pd.DataFrame) -> dict[str, list[dict]]:
    """Per model a row per arm and variant, with a cell per task: the main score first, then the other metrics.

    A cell is `best` when no mean of its model and task is printed as a better number, oracles apart.
    """
    summary = summary[summary["listed"]]
    main = tables.main_scores(summary)
    main = main[~main["variant"].str.contains("oracle-")]
    better = main["mean"].where(~main["lower"], -main["mean"])
    tops = better.groupby([main["model"], main["task"]]).max().abs().round(1)
    rows: dict[str, dict] = {}
    for (model, arm, variant, task), block in summary.groupby(["model", "arm", "variant", "task"], sort=False):
        row = rows.setdefault(model, {}).setdefault((arm, variant), {"arm": arm, "variant": variant, "cells": {}})
        first, *others = block.to_dict("records")
        worthy = "oracle-" not in variant and first["n"] > 0 and (first["lower"] or round(first["mean"], 1) > 0)
        several = (main.loc[(main["model"] == model) & (main["task"] == task), "n"] > 0).sum() > 1
        row["cells"][task] = {
            "score": tables.plus_minus(first["mean"], float("nan")),
            "sd": None if pd.isna(first["sd"]) else f"{first['sd']:.1f}",
            "others": [(other["metric"], tables.plus_minus(other["mean"], other["sd"])) for other in others],
            "n": first["n"],
            "expected": first["expected"],
            "best": bool(several and worthy and round(first["mean"], 1) == tops[model, task]),
        }
    return {model: list(of_model.values()) for model, of_model in rows.items()}


def subset_rows(results: Results) -> dict[str, dict]:
    """Per task with official subsets: its metric, the subsets with their records, and per model a row per variant."""
    found: dict[str, dict] = {}
    for task, block in tables.subset_scores(results).groupby("task", sort=False):
        subsets = block.drop_duplicates("subset")
        models: dict[str, list[dict]] = {}
        for (model, arm, variant), cells in block.groupby(["model", "arm", "variant"], sort=False):
            said = {row["subset"]: tables.plus_minus(row["mean"], row["sd"]) for row in cells.to_dict("records")}
            row = {"arm": arm, "variant": variant, "cells": [said.get(name, "–") for name in subsets["subset"]]}
            models.setdefault(model, []).append(row)
        found[task] = {
            "metric": subsets["metric"].iloc[0],
            "columns": list(zip(subsets["subset"], subsets["records"], strict=True)),
            "models": models,
        }
    return found


def cost_rows(results: Results) -> dict[str, list[dict]]:
    """Per model the costs of each task, arm and variant: means over the finished seeds, truncations added up."""
    numbers = results.costs.drop(columns=["seed", "stopped_early", "device", "threads"])
    columns = [column for column in numbers if column not in CELL]
    numbers[columns] = numbers[columns].apply(pd.to_numeric)
    cells = numbers.groupby(CELL, sort=False)
    costs = cells.mean()
    costs["runs"] = cells.size()
    costs["peak_memory_mb"] = costs[["tuning_peak_memory_mb", "generation_peak_memory_mb"]].max(axis=1)
    costs[TRUNCATED] = cells[TRUNCATED].sum()
    stopped = results.costs.assign(stopped=results.costs["stopped_early"] == True)  # noqa: E712 (None for ICL)
    costs["stopped_early"] = stopped.groupby(CELL, sort=False)["stopped"].sum()
    rows: dict[str, list[dict]] = {}
    for row in costs.reset_index().to_dict("records"):
        rows.setdefault(row["model"], []).append(row)
    return rows


def provenance(notes: list[dict]) -> list[tuple[str, list[str]]]:
    """What the runs were made with; an entry with several values means that the runs differ in it."""
    found: dict[str, dict[str, None]] = {}
    for note in notes:
        said = {
            **note.get("versions", {}),
            "commit": note.get("commit"),
            "device": note.get("device"),
            "threads": note.get("threads"),
            **{f"{metric} signature": text for metric, text in note["signatures"].items()},
        }
        for name, value in said.items():
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    return [(name, list(values)) for name, values in found.items()]


def number(value: float | None, digits: int = 0) -> str:
    """`12,345.6` with thin spaces for thousands; a dash for what is unknown."""
    return "–" if pd.isna(value) else f"{value:,.{digits}f}".replace(",", "\u2009")


def duration(seconds: float | None) -> str:
    """`8.4 s`, `3 min 20 s` or `2 h 05 min`; a dash for what is unknown."""
    if pd.isna(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
