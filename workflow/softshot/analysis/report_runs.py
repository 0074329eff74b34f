"""The list of runs as data in the page: thousands of rows are made into elements only when they are shown."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from softshot.analysis.collect import RUN, Results
from softshot.analysis.findings import Findings
from softshot.analysis.names import Names, metric_label, task_label
from softshot.analysis.report_rows import origin
from softshot.files import PREDICTIONS

COSTS = {
    "trainable_parameters": "trained parameters",
    "tuning_seconds": "seconds of tuning",
    "steps": "steps",
    "best_step": "best step",
    "first_validation_loss": "first validation loss",
    "best_validation_loss": "best validation loss",
    "tuning_peak_memory_mb": "peak memory of tuning (MB)",
    "generation_seconds": "seconds of generation",
    "records": "records",
    "ms_per_record": "ms per record",
    "input_tokens": "tokens of all texts",
    "output_tokens": "output tokens",
    "generation_peak_memory_mb": "peak memory of generation (MB)",
}
PROMPT = {
    "norm": "mean norm",
    "vocabulary_norm": "mean norm of the vocabulary",
    "cosine": "mean cosine to the nearest token",
    "distance": "mean distance to the nearest token",
    "moved": "mean distance from the start",
    "distinct": "distinct nearest tokens",
    "nearest": "nearest tokens of the first vectors",
}
FILES = ["run.json", "scores.json", PREDICTIONS, "history.jsonl", "adapter/adapter_config.json", "adapter/prompt.tsv"]


class Once:
    """Values that many runs share, each kept once; a run has its number."""

    def __init__(self):
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """The value's number."""
        text = json.dumps(value, sort_keys=True)
        if text not in self._places:
            self._places[text] = len(self.values)
            self.values.append(value)
        return self._places[text]


def run_list(results: Results, titles: Names, found: Findings, folder: Path) -> dict[str, Any]:
    """Every run of the study as a short row that refers to what runs share: names, settings, origins, files.

    A row: model, task, arm, variant, seed, done; then, of a finished run, its scores (in the order of its task's
    metrics), costs, settings, origin, files and what its prompt learned.
    """
    runs = results.runs
    metrics = {task: list(block["metric"]) for task, block in results.metrics.groupby("task", sort=False)}
    names = {column: list(runs[column].unique()) for column in ("model", "task", "arm", "variant")}
    places = {column: {name: place for place, name in enumerate(values)} for column, values in names.items()}
    scores = {tuple(row[:-1]): row[-1] for row in results.scores[[*RUN, "metric", "value"]].itertuples(index=False)}
    costs = _by_run(results.costs, list(COSTS))
    prompts = _by_run(found.prompts, list(PROMPT))
    notes = dict(zip(runs.loc[runs["done"], RUN].itertuples(index=False, name=None), results.notes, strict=True))
    settings, origins, files = Once(), Once(), Once()
    rows = []
    for row in runs[[*RUN, "folder", "done"]].itertuples(index=False):
        key = tuple(row[:5])
        short = [*(places[column][getattr(row, column)] for column in names), row.seed, int(row.done)]
        if row.done:
            file_names = [name for name in FILES if (folder / row.folder / name).is_file()]
            short += [
                [_short(scores.get((*key, metric))) for metric in metrics[row.task]],
                costs[key],
                settings.place(notes[key].get("settings", {})),
                origins.place(origin(notes[key])),
                files.place(file_names),
                prompts.get(key),
            ]
        rows.append(short)
    return {
        "models": names["model"],
        "tasks": [_task(name, metrics.get(name, [])) for name in names["task"]],
        "arms": [{"name": name, "label": titles.arm(name), "look": titles.classes(name)} for name in names["arm"]],
        "variants": names["variant"],
        "labels": [[titles.variants.get((arm, name), "") for name in names["variant"]] for arm in names["arm"]],
        "costs": list(COSTS.values()),
        "prompt": list(PROMPT.values()),
        "settings": settings.values,
        "origins": origins.values,
        "files": files.values,
        "rows": rows,
    }


def _by_run(table: pd.DataFrame, columns: list[str]) -> dict[tuple, list]:
    """Per run of a table the values of these columns, unknown ones None."""
    keys = table[RUN].itertuples(index=False, name=None)
    values = table[columns].itertuples(index=False, name=None)
    return {key: [_short(value) for value in row] for key, row in zip(keys, values, strict=True)}


def _task(name: str, metrics: list[str]) -> dict[str, Any]:
    label, named = task_label(name), [metric_label(metric) for metric in metrics]
    return {"name": name, "label": label, "metrics": named}


def _short(value: Any) -> Any:
    """A number to six digits, whole where it is; None for what is unknown."""
    if pd.isna(value):
        return None
    if isinstance(value, str):
        return value
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() else rounded
