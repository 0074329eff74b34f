"""The published numbers, beside those of a study's own cells that are the same.

The same means: model as it is (`models.base: full`), task, method, size, number and kind of demonstrations, metric,
split, and all records of it. An encoder of demonstrations other than the published one is said in the note.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from softshot.analysis.cells import RANDOM, Cell
from softshot.analysis.collect import CELL, Results
from softshot.analysis.evidence import Evidence
from softshot.settings import Study
from softshot.study import encoder, evaluation, task

FOLDER = Path(__file__).parents[3] / "resources" / "published"
ENCODER = "GPT-NeoX-20B"  # from memory
NAMES = {"value": "published", "sd": "published_sd", "status": "published_status", "figure": "published_source"}
NAMES |= {"note": "published_note"}
COLUMNS = [*CELL, "metric", *NAMES.values()]
TEXTS = ("published_status", "published_source", "published_note")
SIMILARITY = ["model", "task", "demonstrations", "bin", "published_n", "published_without", "published_with"]


def scores(study: Study, results: Results) -> pd.DataFrame:
    """COLUMNS of every cell of the study that has a published number; the main table before figures."""
    published_rows = pd.read_csv(FOLDER / "scores.tsv", sep="\t", keep_default_na=False).to_dict("records")
    cells: dict[tuple, list[Cell]] = {}
    for cell in results.cells:
        if cell.ordinary and _is_dense(study, cell):
            cells.setdefault((cell.model, cell.task, cell.method, cell.variant), []).append(cell)
    rows, whole = [], whole_splits(study, results)
    for row in published_rows:
        if whole.get(row["task"]) != row["split"]:
            continue
        for cell in cells.get((row["model"], row["task"], row["method"], row["variant"]), []):
            note = "; ".join(filter(None, (row["note"], _encoder_note(study, cell))))
            columns = {name: row[column] for column, name in NAMES.items()} | {"published_note": note}
            rows.append(dict(zip(CELL, cell.key, strict=True)) | {"metric": row["metric"]} | columns)
    table = pd.DataFrame(rows, columns=COLUMNS).drop_duplicates([*CELL, "metric"])
    return table.assign(**{name: pd.to_numeric(table[name]) for name in ("published", "published_sd")})


def whole_splits(study: Study, results: Results) -> dict[str, str]:
    """The split that is scored, of every task of which all official records of it are, and all are trained on.

    None of a study whose models are not the published ones, but rounded.
    """
    if study.models.base != "full":
        return {}
    scored = results.metrics.drop_duplicates("task").set_index("task")["records"]
    splits = {name: evaluation(study, name) for name in scored.index}
    sizes = {name: task(study, name).size for name in scored.index}
    return {
        name: split
        for name, split in splits.items()
        if sizes[name] and getattr(sizes[name], split) == scored[name] and study.data.limits.train is None
    }


def _is_dense(study: Study, cell: Cell) -> bool:
    """Whether the demonstrations, if any, are random or the nearest by an encoder's vectors, as published."""
    if not cell.shots or cell.retriever == RANDOM:
        return True
    return study.demonstrations.retrievers[cell.retriever].kind == "dense"


def _encoder_note(study: Study, cell: Cell) -> str:
    name = encoder(study, cell.retriever) if cell.shots else None
    return f"demonstrations found here by {name}, there by {ENCODER}" if name else ""


def beside(table: pd.DataFrame, published: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The table with these columns of the published scores where cell and metric are the same."""
    merged = table.merge(published[[*CELL, "metric", *columns]], on=[*CELL, "metric"], how="left")
    return merged.fillna({column: "" for column in columns if column in TEXTS})


def beside_summary(summary: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The summary with what was published of the same cells, and its own mean less that."""
    merged = beside(summary, published, list(NAMES.values()))
    return merged.assign(difference=merged["mean"] - merged["published"])


def similarity(
    study: Study, results: Results, evidence: dict[str, Evidence], pairs: Callable[[Evidence], list[tuple[Cell, Cell]]]
) -> pd.DataFrame:
    """The published bins of the study's pairs that are the same, but for the encoder; with the study's columns."""
    published_bins = pd.read_csv(FOLDER / "similarity.tsv", sep="\t")
    whole = whole_splits(study, results)
    rows = []
    for of_task in evidence.values():
        for _, shown in pairs(of_task):
            same = published_bins["task"].eq(shown.task) & published_bins["split"].eq(whole.get(shown.task, ""))
            same &= published_bins["model"].eq(shown.model) & published_bins["metric"].eq(of_task.statistics.metric)
            if shown.shots == 1 and shown.method == "prompt-tuning" and _is_dense(study, shown):
                bins = (
                    published_bins[same]
                    if study.analysis.bins == published_bins["bin"].max()
                    else published_bins.head(0)
                )
                columns = bins[["bin", "n", "without", "with"]].itertuples(index=False, name=None)
                rows += [(shown.model, shown.task, shown.shown, *row) for row in columns]
    return pd.DataFrame(rows, columns=SIMILARITY).assign(by="similarity", binning="width")
