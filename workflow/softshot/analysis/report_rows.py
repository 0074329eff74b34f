"""What the sections of the page show: rows of the tables, in the shape that the templates want them."""

from dataclasses import fields
from typing import Any

import pandas as pd

from softshot.analysis import tables
from softshot.analysis.baselines import title as baselines_title
from softshot.analysis.cells import Key, grouped, keys, main, only
from softshot.analysis.collect import CELL, OUTPUTS, Results
from softshot.analysis.cost import SUMS, per_cell
from softshot.analysis.estimate import MOST_SEEDS
from softshot.analysis.findings import Findings
from softshot.analysis.names import BASES, Names, layout, metric_label, task_label
from softshot.analysis.rates import EDGES
from softshot.capabilities import TITLES, capabilities
from softshot.methods.registry import METHODS
from softshot.settings import Study
from softshot.study import evaluation

MANY = 10  # percent of outputs that are empty, or of texts that were cut: a score that says little of the rest


def context(study: Study, results: Results, titles: Names, found: Findings) -> dict[str, Any]:
    """Everything that the templates read but the figures, the examples and the list of runs."""
    runs, costs = results.runs, per_cell(found.cost)
    table = main_rows(results, found.summary)
    seen = {key: remarkable(row) for key, row in zip(keys(costs), about_texts(results, found, costs), strict=True)}
    return {
        "done": int(runs["done"].sum()),
        "expected": len(runs),
        "waiting": missing_runs(runs),
        "models": list(runs["model"].unique()),
        "base": BASES.get(study.models.base, ""),
        "tasks": list(runs["task"].unique()),
        "arms": arms(study, results, titles),
        "found": {field.name: getattr(found, field.name).to_dict("records") for field in fields(found)},
        "columns": task_columns(study, results),
        "score_rows": score_rows(table, seen),
        "neutral": bool(found.summary["neutral_loss_after"].notna().any()),
        "capabilities": [("Arm", "text"), ("Method", "text"), *((title, "text") for title in TITLES.values())],
        "baselines": baseline_rows(found.baselines),
        "size_rows": score_rows(found.summary, seen) if len(table) < len(found.summary) else {},
        "published": published_rows(table),
        "size_published": published_rows(found.summary.drop(index=table.index)),
        "remarks": results.remarks.to_dict("records"),
        "subsets": subset_rows(results),
        "claims": claim_rows(found.claims),
        "prompts": found.prompts.drop_duplicates(CELL).to_dict("records"),
        "rates": rate_rows(found.rates),
        "trial_seconds": found.rates.loc[~found.rates["chosen"], "seconds"].sum(),
        "skipped": found.data[found.data["skipped"] > 0].to_dict("records"),
        "costs": costs.to_dict("records"),
        "truncations": costs[(costs[SUMS] > 0).any(axis=1)].to_dict("records"),
        "most_seeds": MOST_SEEDS,
        "total_tuning": results.costs["tuning_seconds"].sum(),
        "total_generation": results.costs["generation_seconds"].sum(),
        "provenance": provenance(results.notes),
        "files": [f"{field.name}.tsv" for field in fields(found)],
        "transfers": [cell._asdict() for cell in results.cells if cell.source],
    }


def arms(study: Study, results: Results, titles: Names) -> list[dict[str, Any]]:
    """The arms of the study in a sentence each: title, what is trained, and what stands in a row."""
    rows = []
    for (label,), cells in grouped(results.cells, "arm").items():
        method = METHODS[study.arms[label].method]
        layouts = dict.fromkeys(layout(cell) for cell in cells if not cell.source)
        rows.append({"label": label, "title": titles.arm(label), "method": method.title, "text": method.about})
        rows[-1]["rows"] = list(layouts)
        rows[-1]["capabilities"] = list(capabilities(method).values())
    return rows


def missing_runs(runs: pd.DataFrame) -> list[dict]:
    """What has no result yet: one entry per model, task, arm and variant, with its seeds."""
    waiting = runs[~runs["done"]].groupby(CELL, sort=False).agg(seeds=("seed", list))
    return waiting.reset_index().to_dict("records")


def task_columns(study: Study, results: Results) -> list[tuple[str, str, str]]:
    """A column of the score table per task: its name, and beneath it the main metric, the records and their split."""
    main = results.metrics.drop_duplicates("task").set_index("task")
    titles = []
    for task in results.runs["task"].unique():
        below = metric_label(main["metric"].get(task, ""))
        if task in main.index:
            below += f", {main['records'][task]} {evaluation(study, task)} records"
        titles.append((task_label(task), "number", below))
    return titles


def main_rows(results: Results, summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of the main table: what is compared, and upper bounds beside it."""
    return only(summary, {cell.key for cell in main(results.cells)})


def published_rows(summary: pd.DataFrame) -> list[dict]:
    """The cells that have a published number, and a mean of ours."""
    return summary[summary["published"].notna() & summary["mean"].notna()].to_dict("records")


def score_rows(summary: pd.DataFrame, seen: dict[Key, list[dict]]) -> dict[str, list[dict]]:
    """Per model a row per arm and variant, with a cell per task: the main score first, then the other metrics.

    A cell has its interval, deviation, worst seed, other metrics, what the model has forgotten where it was tuned, and
    what is `seen` in its outputs. A row has the loss on the neutral text, before and after, over its tasks.
    """
    rows: dict[str, dict] = {}
    listed = summary[summary["listed"]]
    for (model, arm, variant, task), block in listed.groupby(["model", "arm", "variant", "task"], sort=False):
        row = rows.setdefault(model, {}).setdefault((arm, variant), {"arm": arm, "variant": variant, "cells": {}})
        first, *others = block.to_dict("records")
        row["cells"][task] = {
            "mean": first["mean"],
            "score": tables.plus_minus(first["mean"], float("nan")),
            "interval": tables.span(first["low"], first["high"]),
            "sd": None if pd.isna(first["sd"]) else f"{first['sd']:.1f}",
            "worst": None if first["n"] < 2 else f"{first['worst']:.1f}",
            "others": [
                (other["metric"], f"{other['mean']:.1f}", tables.span(other["low"], other["high"]))
                for other in others
                if pd.notna(other["mean"])
            ],
            "outputs": seen.get((model, task, arm, variant), []),
            "forgotten": None if pd.isna(first["forgotten"]) or not first["forgotten"] else first["forgotten"],
            "n": first["n"],
            "expected": first["expected"],
            "mark": first["mark"],
        }
    for (model, arm, variant), block in listed.groupby(["model", "arm", "variant"], sort=False):
        rows[model][arm, variant]["neutral"] = neutral(block)
    return {model: list(of_model.values()) for model, of_model in rows.items()}


def neutral(rows: pd.DataFrame) -> dict[str, Any] | None:
    """The loss on the neutral text of a model, and of what was made of it, over tasks; None where nothing was tuned."""
    after = rows["neutral_loss_after"].dropna()
    if after.empty:
        return None
    least, most = f"{after.min():.2f}", f"{after.max():.2f}"
    before = rows["neutral_loss_before"].mean()
    return {"before": f"{before:.2f}", "after": least if least == most else f"{least} to {most}", "most": after.max()}


def about_texts(results: Results, found: Findings, costs: pd.DataFrame) -> list[dict[str, float]]:
    """Of every cell of `costs` the mean length of its outputs, and the percentages of its texts that are remarkable."""
    table = costs.merge(found.outputs[[*CELL, *OUTPUTS]], on=CELL, how="left")
    shots = {cell.key: cell.shots for cell in results.cells}
    read = table["records"] * table["runs"]
    offered = read * [shots[key] or float("nan") for key in keys(table)]
    columns = {"tokens": table["tokens"], "empty": table["empty"], "cut": table["cut"]}
    columns["of inputs cut"] = 100 * table["truncated_inputs"] / read
    columns["of demonstrations left out"] = 100 * table["truncated_demonstrations"] / offered
    return pd.DataFrame(columns).to_dict("records")


def remarkable(texts: dict[str, float]) -> list[dict]:
    """How long outputs are, and what is remarkable: what is empty, cut or left out, where that is, and whether much."""
    long = [] if pd.isna(texts["tokens"]) else [{"text": f"{texts['tokens']:.0f} tokens long", "many": False}]
    shares = {what: share for what, share in texts.items() if what != "tokens" and share >= 0.5}
    return long + [{"text": f"{share:.0f}% {what}", "many": share >= MANY} for what, share in shares.items()]


def baseline_rows(baselines: pd.DataFrame) -> list[dict]:
    """A row per baseline, with a cell per task."""
    rows: dict[str, dict] = {}
    for row in baselines.itertuples(index=False):
        title = baselines_title(row.baseline, row.retriever)
        cells = rows.setdefault(title, {"title": title[0].upper() + title[1:], "cells": {}})["cells"]
        cells[row.task] = {"score": row.score, "interval": tables.span(row.low, row.high)}
    return list(rows.values())


def subset_rows(results: Results) -> dict[str, dict]:
    """Per task with official subsets: its metric, a column per subset, and per model a row per variant."""
    tasks: dict[str, dict] = {}
    for task, block in tables.subset_scores(results).groupby("task", sort=False):
        subsets = block.drop_duplicates("subset")
        models: dict[str, list[dict]] = {}
        for (model, arm, variant), cells in block.groupby(["model", "arm", "variant"], sort=False):
            scores = {
                row.subset: (row.mean, tables.plus_minus(row.mean, row.sd)) for row in cells.itertuples(index=False)
            }
            row = {"arm": arm, "variant": variant}
            row["cells"] = [scores.get(name, (None, tables.plus_minus(None, None))) for name in subsets["subset"]]
            models.setdefault(model, []).append(row)
        titles = [(row.subset, "number", f"{row.records} records") for row in subsets.itertuples()]
        columns = [("Arm", "text"), *titles]
        tasks[task] = {"metric": subsets["metric"].iloc[0], "columns": columns, "models": models}
    return tasks


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


def rate_rows(rates: pd.DataFrame) -> list[dict]:
    """A row per tuned cell: its learning rate, where that is an edge of what was tried, and the trials, if any."""
    rows = []
    for key, block in rates.groupby(CELL, sort=False):
        trials = block.to_dict("records")
        chosen = next(trial for trial in trials if trial["chosen"])
        row = dict(zip(CELL, key, strict=True)) | {"rate": chosen["learning_rate"]}
        tried = [trial for trial in trials if trial["diverged"] or pd.notna(trial["validation_loss"])]
        row |= {"edge": EDGES.get(chosen["edge"], ""), "trials": tried}
        rows.append(row)
    return rows


def provenance(notes: list[dict]) -> list[tuple[str, list[str]]]:
    """What the runs were made with; an entry with several values means that the runs differ in it."""
    origins: dict[str, dict[str, None]] = {}
    for note in notes:
        facts = {**origin(note), **{f"{metric} signature": text for metric, text in note["signatures"].items()}}
        for name, value in facts.items():
            if value is not None:
                origins.setdefault(name, {})[str(value)] = None
    return [(name, list(values)) for name, values in origins.items()]


def origin(note: dict) -> dict[str, Any]:
    """Versions, commit, device and threads that one run was made with, from its `run.json`."""
    facts = {name: note.get(name) for name in ("commit", "device", "threads")}
    return {**note.get("versions", {}), **facts}
