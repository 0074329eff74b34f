"""Reads a study's runs from disk into tables. A run that is not finished is a row without values, never an error."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from softshot import grid, recorded
from softshot.analysis.cells import Cell
from softshot.errors import UserError
from softshot.files import PREDICTIONS, read_json
from softshot.settings import Study

CELL = ["model", "task", "arm", "variant"]  # what a score is averaged over the seeds of
RUN = [*CELL, "seed"]
METRIC = ["task", "metric", "records", "listed", "lower"]
OUTPUTS = ["empty", "cut", "characters", "tokens"]
FILES = ("run.json", PREDICTIONS, "scores.json")  # a run is finished when it has all of them


@dataclass(frozen=True)
class Results:
    """A study's results as they are on disk; all tables are in the order of its grid.

    cells   what runs are averaged over the seeds of
    runs    one row per expected run: RUN, the fields of its cell, folder (below results/<study>), outdated (why what is
            there is not this study's and counts as not done, mostly ""), done
    metrics one row per task and score, the main one first: task, metric, records, `listed` (a metric's own value, not
            a part of it such as PARENT's recall), `lower` (is better)
    scores  one row per finished run and score: RUN, metric, value
    subsets the same for the official subsets of a task that has some: RUN, subset, n (records), metric, value
    costs   one row per finished run: RUN and what it took
    outputs one row per finished run: RUN, percentages of empty outputs and of those cut at the length limit, and mean
            length in characters and tokens
    curves  one row per validation loss: RUN, step, validation_loss
    remarks what a reader of a task's metric must know, each once: task, metric, text
    notes   `run.json` of every finished run, and the signatures of its metrics
    """

    cells: list[Cell]
    runs: pd.DataFrame
    metrics: pd.DataFrame
    scores: pd.DataFrame
    subsets: pd.DataFrame
    costs: pd.DataFrame
    outputs: pd.DataFrame
    curves: pd.DataFrame
    remarks: pd.DataFrame
    notes: list[dict]

    @cached_property
    def values(self) -> dict[tuple, dict[int, float]]:
        """Per cell, by its key, the scores of its finished runs by the task's main metric: seed -> score."""
        main = self.scores.merge(self.metrics.drop_duplicates("task")[["task", "metric"]], on=["task", "metric"])
        blocks = main.groupby(CELL, sort=False)
        return {key: dict(zip(block["seed"], block["value"], strict=True)) for key, block in blocks}


def collect(study: Study, folder: Path) -> Results:
    """Read every run of the study that is finished from its folder `results/<study>`."""
    grid_runs = list(grid.runs(study))
    runs = pd.DataFrame(
        [{**asdict(run), "unit": run.unit, "variant": run.variant, "folder": f"runs/{run.path}"} for run in grid_runs]
    )
    if runs.empty:
        raise UserError("--settings: arms: the study has no runs; give an arm something to do.")
    runs["train"] = runs["train"].astype("Int64")
    whole_runs = [all((folder / place / name).is_file() for name in FILES) for place in runs["folder"]]
    read = [_read(folder / place) if whole else () for place, whole in zip(runs["folder"], whole_runs, strict=True)]
    runs["outdated"] = [_outdated(study, run, files) for run, files in zip(grid_runs, read, strict=True)]
    runs["done"] = [whole and not why for whole, why in zip(whole_runs, runs["outdated"], strict=True)]

    metrics, scores, subsets, costs, outputs, curves, remarks, notes = {}, [], [], [], [], [], {}, []
    for run, files in zip(runs.to_dict("records"), read, strict=True):
        if not run["done"]:
            continue
        note, score = files
        key = {column: run[column] for column in RUN}
        listed, lower = {score["main"], *score.get("signatures", {})}, score.get("lower_is_better", [])
        for metric in [score["main"], *(name for name in score["scores"] if name != score["main"])]:
            metrics.setdefault((run["task"], metric), (score["n"], metric in listed, metric in lower))
            scores.append({**key, "metric": metric, "value": score["scores"][metric]})
        subsets += [
            {**key, "subset": subset, "n": part["n"], "metric": metric, "value": value}
            for subset, part in score.get("subsets", {}).items()
            for metric, value in part["scores"].items()
        ]
        remarks |= {(run["task"], *remark): None for remark in score.get("notes", {}).items()}
        costs.append({**key, **_cost(note)})
        outputs.append({**key, **score.get("outputs", {})})
        notes.append({**note, "signatures": score.get("signatures", {})})
        tuning = note.get("tuning") or {}  # an adapter of another task: its curve is its own run's
        curves += [{**key, **point} for point in ([] if "run" in tuning else tuning.get("curve", []))]
    return Results(
        cells=list(dict.fromkeys(map(Cell.of, grid_runs))),
        runs=runs,
        metrics=pd.DataFrame([(*key, *facts) for key, facts in metrics.items()], columns=METRIC),
        scores=pd.DataFrame(scores, columns=[*RUN, "metric", "value"]).astype({"value": float}),
        subsets=pd.DataFrame(subsets, columns=[*RUN, "subset", "n", "metric", "value"]).astype({"value": float}),
        costs=pd.DataFrame(costs, columns=[*RUN, *_cost({})]),
        outputs=pd.DataFrame(outputs, columns=[*RUN, *OUTPUTS]).astype(dict.fromkeys(OUTPUTS, float)),
        curves=pd.DataFrame(curves, columns=[*RUN, "step", "validation_loss"]),
        remarks=pd.DataFrame(list(remarks), columns=["task", "metric", "text"]),
        notes=notes,
    )


def _read(place: Path) -> tuple[dict, dict]:
    """How a finished run was made and what it scores, from its records."""
    return read_json(place / "run.json"), read_json(place / "scores.json")


def _outdated(study: Study, run: grid.Run, read: tuple[dict, ...]) -> str:
    """Why a run's records are not what the study would write, "" where they are or where none were read."""
    expected = recorded.run_records(study, run, "") if read else []
    reasons = (
        recorded.different(record.says(), record_on_disk) for record, record_on_disk in zip(expected, read, strict=True)
    )
    return next(filter(None, reasons), "")


def _cost(note: dict) -> dict[str, Any]:
    """What one run took, from its `run.json`; what it does not say is None."""
    tuning, generation = note.get("tuning") or {}, note.get("generation") or {}
    if "run" in tuning:  # of a transferred adapter: what it took to tune is in its source's run, and counts there
        tuning = {}
    drift = note.get("drift") or {}
    cut, cut_tuning = generation.get("truncated") or {}, tuning.get("truncated") or {}
    seconds, records = generation.get("seconds"), generation.get("records")
    return {
        "trainable_parameters": tuning.get("trainable_parameters"),
        "adapter_bytes": tuning.get("adapter_bytes"),
        "positions_added": generation.get("positions_added"),
        "merged": generation.get("merged"),
        "tuning_seconds": tuning.get("seconds"),
        "step_seconds": tuning.get("step_seconds"),
        "validation_seconds": tuning.get("validation_seconds"),
        "steps": tuning.get("steps"),
        "stopped_early": tuning.get("stopped_early"),
        "first_validation_loss": tuning.get("first_validation_loss"),
        "best_validation_loss": tuning.get("best_validation_loss"),
        "best_step": tuning.get("best_step"),
        "validation_rows": tuning.get("validation_rows"),
        "tuning_tokens_per_second": tuning.get("tokens_per_second"),
        "target_tokens_per_second": tuning.get("target_tokens_per_second"),
        "tuning_peak_memory_mb": tuning.get("peak_memory_mb"),
        "generation_seconds": seconds,
        "records": records,
        "ms_per_record": 1000 * seconds / records if seconds is not None and records else None,
        "input_tokens": generation.get("input_tokens"),
        "output_tokens": generation.get("output_tokens"),
        "generation_peak_memory_mb": generation.get("peak_memory_mb"),
        "truncated_demonstrations": cut.get("demonstrations"),
        "truncated_inputs": cut.get("inputs"),
        "tuning_truncated_demonstrations": cut_tuning.get("demonstrations"),
        "tuning_truncated_inputs": cut_tuning.get("inputs"),
        "tuning_truncated_records": cut_tuning.get("records"),
        "neutral_loss_before": drift.get("before"),
        "neutral_loss_after": drift.get("after"),
        "forgotten": drift["after"] - drift["before"] if drift else None,
        "forgotten_error": drift.get("standard_error"),
        **_counts("trained", tuning.get("trained")),
        **_counts("validated", tuning.get("validated")),
        **_counts("predicted", generation.get("passes")),
        "memory": generation.get("memory"),
        "device": note.get("device"),
        "threads": note.get("threads"),
    }


def _counts(name: str, passes: dict[str, int] | None) -> dict[str, int | None]:
    """How much some passes of a run read: what their operations follow from."""
    return {f"{name}_{part}": (passes or {}).get(part) for part in ("read", "attended", "predicted")}
