"""What the sections of the page show: rows of the tables, in the shape that the templates want them."""

from dataclasses import fields
from typing import Any

import pandas as pd

from softshot.analysis import tables
from softshot.analysis.collect import CELL, Results
from softshot.analysis.findings import Findings
from softshot.settings import Study
from softshot.study import evaluation

TRUNCATED = [f"{stage}truncated_{part}" for stage in ("", "tuning_") for part in ("demonstrations", "inputs")]
ABOUT = {
    "icl": (
        "ICL, in-context learning",
        "Show it examples: training records drawn at random, or retrieved, the nearest to the input. Nothing is"
        " trained.",
        "demonstrations · input",
    ),
    "pt": (
        "PT, prompt tuning",
        "Tune a soft prompt: a few vectors before the input, trained while the model stays as it is.",
        "soft prompt · input",
    ),
    "ipt": (
        "IPT, instruction prompt tuning",
        "Do both: the trained vectors, then the examples, then the input.",
        "soft prompt · demonstrations · input",
    ),
    "transfer": (
        "Transfer",
        "The soft prompt that PT tuned on another task, then examples of this one. Nothing is trained.",
        "soft prompt of a source task · demonstrations · input",
    ),
}


def context(study: Study, results: Results, found: Findings) -> dict[str, Any]:
    """Everything that the templates read but the figures, the examples and the list of runs."""
    runs, costs = results.runs, cost_rows(results)
    first = ["model", "task", "arm", "variant"]
    return {
        "done": int(runs["done"].sum()),
        "expected": len(runs),
        "waiting": missing_runs(runs),
        "models": list(runs["model"].unique()),
        "tasks": list(runs["task"].unique()),
        "arms": list(runs["arm"].unique()),
        "about": {arm: dict(zip(("title", "text", "input"), said, strict=True)) for arm, said in ABOUT.items()},
        "found": {field.name: getattr(found, field.name).to_dict("records") for field in fields(found)},
        "columns": task_columns(study, results),
        "score_rows": score_rows(main_rows(found.summary)),
        "length_rows": score_rows(found.summary) if len(main_rows(found.summary)) < len(found.summary) else {},
        "published": published_rows(main_rows(found.summary)),
        "length_published": published_rows(found.summary.drop(index=main_rows(found.summary).index)),
        "remarks": results.remarks.to_dict("records"),
        "subsets": subset_rows(results),
        "claims": claim_rows(found.claims),
        "prompts": found.prompts.drop_duplicates(first).to_dict("records"),
        "skipped": found.data[found.data["skipped"] > 0].to_dict("records"),
        "costs": costs,
        "truncations": [row for row in costs if any(row[column] > 0 for column in TRUNCATED)],
        "total_tuning": results.costs["tuning_seconds"].sum(),
        "total_generation": results.costs["generation_seconds"].sum(),
        "provenance": provenance(results.notes),
        "files": [f"{field.name}.tsv" for field in fields(found)],
    }


def missing_runs(runs: pd.DataFrame) -> list[dict]:
    """What has no result yet: one entry per model, task, arm and variant, with its seeds."""
    waiting = runs[~runs["done"]].groupby(CELL, sort=False).agg(seeds=("seed", list), tokens=("tokens", "first"))
    return waiting.reset_index().to_dict("records")


def task_columns(study: Study, results: Results) -> list[tuple[str, str, str]]:
    """A column of the score table per task: its name, and beneath it the main metric, the records and their split."""
    main = results.metrics.drop_duplicates("task").set_index("task")
    titles = []
    for task in results.runs["task"].unique():
        below = tables.metric_label(main["metric"].get(task, ""))
        if task in main.index:
            below += f", {main['records'][task]} {evaluation(study, task)} records"
        titles.append((tables.task_label(task), "number", below))
    return titles


def main_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the main table: all but the prompt lengths that are not compared."""
    compared = set(summary.loc[summary["compared"], "tokens"])
    return summary[summary["tokens"].isin(compared | {0}) | (not compared - {0})]


def published_rows(summary: pd.DataFrame) -> list[dict]:
    """The cells that have a published number, and a mean of ours."""
    return summary[summary["published"].notna() & summary["mean"].notna()].to_dict("records")


def score_rows(summary: pd.DataFrame) -> dict[str, list[dict]]:
    """Per model a row per arm and variant, with a cell per task: the main score first, then the other metrics."""
    rows: dict[str, dict] = {}
    listed = summary[summary["listed"]]
    for (model, arm, variant, task), block in listed.groupby(["model", "arm", "variant", "task"], sort=False):
        row = rows.setdefault(model, {}).setdefault((arm, variant), {"arm": arm, "variant": variant, "cells": {}})
        first, *others = block.to_dict("records")
        row["cells"][task] = {
            "mean": first["mean"],
            "score": tables.plus_minus(first["mean"], float("nan")),
            "sd": None if pd.isna(first["sd"]) else f"{first['sd']:.1f}",
            "others": [(other["metric"], tables.plus_minus(other["mean"], other["sd"])) for other in others],
            "n": first["n"],
            "expected": first["expected"],
            "mark": first["mark"],
        }
    return {model: list(of_model.values()) for model, of_model in rows.items()}


def subset_rows(results: Results) -> dict[str, dict]:
    """Per task with official subsets: its metric, a column per subset, and per model a row per variant."""
    found: dict[str, dict] = {}
    for task, block in tables.subset_scores(results).groupby("task", sort=False):
        subsets = block.drop_duplicates("subset")
        models: dict[str, list[dict]] = {}
        for (model, arm, variant), cells in block.groupby(["model", "arm", "variant"], sort=False):
            said = {
                row.subset: (row.mean, tables.plus_minus(row.mean, row.sd)) for row in cells.itertuples(index=False)
            }
            row = {"arm": arm, "variant": variant}
            row["cells"] = [said.get(name, (None, tables.plus_minus(None, None))) for name in subsets["subset"]]
            models.setdefault(model, []).append(row)
        titles = [(row.subset, "number", f"{row.records} records") for row in subsets.itertuples()]
        columns = [("Arm", "text"), *titles]
        found[task] = {"metric": subsets["metric"].iloc[0], "columns": columns, "models": models}
    return found


def claim_rows(claims: pd.DataFrame) -> list[dict]:
    """A claim with its overall row, the overall rows of its parts, and those of each model and task."""
    rows = []
    for number, block in claims.groupby("claim", sort=False):
        overall = block[(block["model"] == "") & (block["task"] == "")]
        whole = overall[overall["part"] == ""].to_dict("records")[0]
        parts = overall[overall["part"] != ""].to_dict("records")
        cells = block.drop(index=overall.index).to_dict("records")
        rows.append({**whole, "number": number, "parts": parts, "cells": cells})
    return rows


def cost_rows(results: Results) -> list[dict]:
    """The costs of each model, task, arm and variant: means over the finished seeds, truncations added up."""
    numbers = results.costs.drop(columns=["seed", "stopped_early", "device", "threads"])
    columns = [column for column in numbers if column not in CELL]
    numbers[columns] = numbers[columns].apply(pd.to_numeric)
    cells = numbers.groupby(CELL, sort=False)
    costs = cells.mean()
    costs["runs"] = cells.size()
    costs["peak_memory_mb"] = costs[["tuning_peak_memory_mb", "generation_peak_memory_mb"]].max(axis=1)
    costs["input_tokens_per_record"] = costs["input_tokens"] / costs["records"]
    costs[TRUNCATED] = cells[TRUNCATED].sum()
    stopped = results.costs.assign(stopped=results.costs["stopped_early"] == True)  # noqa: E712 (None for ICL)
    costs["stopped_early"] = stopped.groupby(CELL, sort=False)["stopped"].sum()
    return costs.reset_index().to_dict("records")


def provenance(notes: list[dict]) -> list[tuple[str, list[str]]]:
    """What the runs were made with; an entry with several values means that the runs differ in it."""
    found: dict[str, dict[str, None]] = {}
    for note in notes:
        said = {**origin(note), **{f"{metric} signature": text for metric, text in note["signatures"].items()}}
        for name, value in said.items():
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    return [(name, list(values)) for name, values in found.items()]


def origin(note: dict) -> dict[str, Any]:
    """Versions, commit, device and threads that one run was made with, from its `run.json`."""
    made = {name: note.get(name) for name in ("commit", "device", "threads")}
    return {**note.get("versions", {}), **made}
