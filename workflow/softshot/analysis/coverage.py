"""What a study's numbers rest on, and what is missing: records, demonstrations, runs and seeds."""

from dataclasses import fields
from pathlib import Path

import pandas as pd

from softshot.analysis.cells import with_and_without
from softshot.analysis.collect import CELL, Results
from softshot.analysis.estimate import FEWEST_RECORDS
from softshot.analysis.evidence import Evidence
from softshot.analysis.names import Names
from softshot.analysis.near import shown
from softshot.analysis.rates import edges
from softshot.analysis.records import counts
from softshot.analysis.spread import FEWEST_FOR_A_TEST, FEWEST_SEEDS
from softshot.files import read_json
from softshot.grid import Run, demonstration_folder
from softshot.settings import Study

DEMONSTRATIONS = ["task", "retriever", "shots", "train", "kind", "encoder", "index", "recall", "records"]
DEMONSTRATIONS += ["shown_fewer", "shown_none", "first_has_output", "first_has_output_train", "upper_bound"]
DATA = ["task", "split", "records", "skipped", "dropped", "shared", "same_target"]
MISSING = ["topic", "model", "task", "text"]


def data(results: Results, folder: Path) -> pd.DataFrame:
    """Records of every split that was converted, those that could not be read, and those that splits share."""
    tasks = results.runs["task"].unique()
    return pd.DataFrame([row for task in tasks for row in counts(folder, task)], columns=DATA)


def demonstrations(results: Results, folder: Path) -> pd.DataFrame:
    """Every set of demonstrations that finished runs used: how it was found, and how many records were shown fewer.

    Those of domain shifts, which are found likewise, are left out.

    Counted in the first finished run of each: its retriever had no more, or found them too unlike, or they did not
    fit. `recall` is that of an approximate index, measured by the retriever on a sample. `first_has_output` is the
    percentage of the scored records, and of the training ones where these are shown some, whose nearest neighbour has
    the wanted output: what is tuned on many learns to copy.
    """
    done = results.runs[results.runs["done"]].reset_index(drop=True)
    used = done[(done["shots"] > 0) & done["without"].isna()].drop_duplicates(["task", "retriever", "shots", "train"])
    rows = []
    for place, run in used.iterrows():
        note = results.notes[place].get("demonstrations") or {}
        lengths = [len(seen) for seen in shown(folder / run["folder"]).values()]
        row = {name: run[name] for name in ("task", "retriever", "shots", "train")}
        row |= {"kind": note.get("kind", ""), "encoder": note.get("encoder", ""), "index": note.get("index", "")}
        row |= {"recall": note.get("approximate_recall"), "records": len(lengths)}
        row |= {"shown_fewer": sum(count < run["shots"] for count in lengths), "shown_none": lengths.count(0)}
        row |= {"first_has_output": _percent(note), "first_has_output_train": _percent(_of_train(folder, run))}
        rows.append(row | {"upper_bound": note.get("upper_bound", "")})
    table = pd.DataFrame(rows, columns=DEMONSTRATIONS)
    splits = [row for task in table["task"].unique() for row in counts(folder, task)]
    whole = {row["task"]: row["records"] for row in splits if row["split"] == "train"}
    train = pd.to_numeric(table["train"]).astype(float).fillna(table["task"].map(whole).astype(float))
    return table.assign(recall=pd.to_numeric(table["recall"]), train=train)


def _of_train(folder: Path, run: pd.Series) -> dict:
    """What is said beside the training records' demonstrations of a run; nothing where there are none."""
    train = None if pd.isna(run["train"]) else int(run["train"])
    place = demonstration_folder(Run(**{field.name: run[field.name] for field in fields(Run)} | {"train": train}))
    path = folder / "demonstrations" / run["task"] / place / "train.json"
    return read_json(path) if path.is_file() else {}


def _percent(note: dict) -> float:
    """The share of first demonstrations with the wanted output, in percent; NaN where it is not said."""
    return 100 * float(note.get("first_has_output", "nan"))


def missing(
    study: Study, results: Results, evidence: dict[str, Evidence], names: Names, tables: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """One plain sentence for everything that a reader must know is not there. `tables` by name."""
    rows = [*_runs(results, names), *_seeds(study, results, names), *_records(evidence), *_shared(tables["data"])]
    rows += [("learning rates", *row) for row in edges(tables["rates"], names)]
    rows += _sections(results, tables)
    rows += _shifts(study, tables["shift"])
    return pd.DataFrame(rows, columns=MISSING)


def _runs(results: Results, names: Names) -> list[tuple]:
    """Runs of the study that are not finished, or are there with other settings or code than it has."""
    runs, rows = results.runs, []
    outdated = runs["outdated"] != ""
    for (model, task), block in runs[~runs["done"] & ~outdated].groupby(["model", "task"], sort=False):
        rows.append(("runs", model, task, f"Not done ({len(block)}): {_named(block, names)}."))
    for (model, task), block in runs[outdated].groupby(["model", "task"], sort=False):
        text = f"Left out, made otherwise than the study says now ({len(block)}): {_named(block, names)}"
        rows.append(("runs", model, task, f"{text}. The first: {block['outdated'].iloc[0]}."))
    return rows


def _named(block: pd.DataFrame, names: Names) -> str:
    """The first cells of some runs, with their seeds."""
    cells = [
        names.label(arm, variant) + ("" if set(cell["seed"]) == {0} else f" (seed {', '.join(map(str, cell['seed']))})")
        for (arm, variant), cell in block.groupby(["arm", "variant"], sort=False)
    ]
    return "; ".join(cells[:3]) + (f"; and {len(cells) - 3} more" if len(cells) > 3 else "")


def _seeds(study: Study, results: Results, names: Names) -> list[tuple]:
    """Too few seeds to say how far an arm spreads, or to test it."""
    count = len(study.seeds)
    if count == 1:
        text = "The study has one seed: intervals cover the choice of records only, and no arm is called better."
        return [("seeds", "", "", text)]
    if count < FEWEST_SEEDS:
        return [("seeds", "", "", "The study has two seeds: intervals are wide, and nothing is said of spreads.")]
    rows = []
    if count < FEWEST_FOR_A_TEST:
        text = f"With {count} seeds no single spread is tested: that takes {FEWEST_FOR_A_TEST}."
        rows.append(("seeds", "", "", text))
    done = results.runs[results.runs["done"] & results.runs["seed"].gt(0)]
    alone = done.groupby(CELL, sort=False)["seed"].nunique().loc[lambda n: n == 1].reset_index()
    for (model, task), block in alone.groupby(["model", "task"], sort=False):
        labels = "; ".join(map(names.label, block["arm"], block["variant"]))
        rows.append(("seeds", model, task, f"One seed is done of {labels}."))
    return rows


def _records(evidence: dict[str, Evidence]) -> list[tuple]:
    """Too few records, or clusters of them, to resample; and what is resampled where it is not records."""
    rows = []
    for task, of_task in evidence.items():
        unit, clusters = of_task.statistics.unit, of_task.replicates.clusters
        if clusters < FEWEST_RECORDS:
            rows.append(("records", "", task, f"{clusters} {unit} are too few for an interval."))
        elif unit != "records":
            text = f"Records are in {clusters} {unit}, such as questions on one database, and not independent of one"
            text += f" another: whole {unit} are resampled."
            rows.append(("records", "", task, text))
    return rows


def _shared(data: pd.DataFrame) -> list[tuple]:
    """Records that other splits share with the training file."""
    dropped = data[data["split"] == "train"].set_index("task")["dropped"]
    rows = []
    for row in data[data["shared"] > 0].itertuples():
        text = f"{row.shared} records of its {row.split} file have an input of the training file, {row.same_target} of"
        text += " them with the output too. "
        if dropped.get(row.task, 0):
            text += f"{dropped[row.task]} training records are left out for what splits share."
        else:
            text += "The study keeps them (data.leaks): what is tuned has seen them, no retriever shows them."
        rows.append(("shared records", "", row.task, text))
    return rows


def _sections(results: Results, tables: dict[str, pd.DataFrame]) -> list[tuple]:
    """Questions that the study, or what is done of it, does not answer."""
    rows, cells = [], results.cells
    if not any(pair[0].tuned for pair in with_and_without(cells)):
        text = "No method is tuned with demonstrations and without: nothing is said of similarity or of spreads."
        rows.append(("similarity", "", "", text))
    elif tables["similarity"].empty:
        text = "No record is binned by similarity: no such pair has finished runs, or demonstrations no score."
        rows.append(("similarity", "", "", text))
    if not any(cell.source for cell in cells):
        rows.append(("transfer", "", "", "The study uses no adapter on another task (transfer.arms)."))
    if not any(cell.train for cell in cells):
        rows.append(("data size", "", "", "The study varies no number of training records (data_size.train)."))
    if tables["scale"].empty:
        rows.append(("scale", "", "", "The study has no two models that are known to differ in size."))
    if all(cell.tuned for cell in cells):
        rows.append(("in-context learning", "", "", "The study has no in-context learning to compare with."))
    if tables["summary"]["published"].isna().all():
        rows.append(("published", "", "", "No cell of the study is one of the published ones, on all their records."))
    return rows


def _shifts(study: Study, shift: pd.DataFrame) -> list[tuple]:
    """No domain shift, or one with a side that has no record."""
    if not study.shift:
        return [("domain shift", "", "", "The study holds no group of records out (shift).")]
    rows = []
    for task, block in shift[shift["n"] > 0].groupby("task", sort=False):
        first = block.iloc[0]
        for side, which in (("in_domain", "of another group than"), ("held_out", "of")):
            if first[f"n_{side}"] == 0:
                text = f"No scored record is {which} the held-out groups ({first['groups']}): no loss can be told."
                rows.append(("domain shift", "", task, text))
    return rows
