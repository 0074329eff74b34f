"""Reads a study's runs from disk into tables. A run that is not finished is a row without values, never an error."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from softshot.errors import UserError
from softshot.files import read_json, read_jsonl
from softshot.settings import Arm, Section, Split, read

CELL = ["model", "task", "arm", "variant"]  # what a score is averaged over the seeds of
RUN = [*CELL, "seed"]
FILES = ("run.json", "predictions.jsonl", "scores.json")  # a run is finished when it has all of them


class ExpectedRun(Section):
    """One run of the study, finished or not."""

    model: str
    task: str
    arm: Arm
    variant: str
    seed: int
    tokens: int
    shots: int
    retriever: str | None


class ReportSettings(Section):
    """What `--settings` says: the study's name and texts, every run it expects, and its configuration."""

    study: str
    title: str
    note: str
    examples: int
    seeds: list[int]
    evaluation: dict[str, Split]
    grid: list[ExpectedRun]
    config: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A study as it is on disk; all tables are in the study's order.

    runs    one row per expected run: RUN, tokens, shots, retriever, folder, done
    metrics one row per task and metric, the main metric first: task, metric, records
    scores  one row per finished run and metric: RUN, metric, value
    costs   one row per finished run: RUN and what it took
    curves  one row per validation loss: RUN, tokens, step, validation_loss
    notes   `run.json` of every finished run, and the signatures of its metrics
    """

    runs: pd.DataFrame
    metrics: pd.DataFrame
    scores: pd.DataFrame
    costs: pd.DataFrame
    curves: pd.DataFrame
    notes: list[dict]


def read_settings(text: str) -> ReportSettings:
    """Read `--settings`: JSON, or `@file` with JSON in it (the grid of a large study outgrows a command line)."""
    if text.startswith("@"):
        return read(ReportSettings, read_json(Path(text[1:])), text[1:])
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(f"--settings: not valid JSON: {error}") from None
    return read(ReportSettings, values, "--settings")


def collect(settings: ReportSettings, results: Path) -> Study:
    """Read every expected run that is finished from the study's folder `results`."""
    if not settings.grid:
        raise UserError("--settings: `grid` is empty: the study has no runs; give it at least one arm.")
    unknown = {run.task for run in settings.grid} - set(settings.evaluation)
    if unknown:
        raise UserError(f"--settings: `evaluation` names no split for {', '.join(sorted(unknown))}.")
    runs = pd.DataFrame([run.model_dump() for run in settings.grid])
    runs = _in_study_order(runs)
    runs["folder"] = [
        f"runs/{run.model}/{run.task}/{run.arm}/{run.variant}/seed-{run.seed}" for run in runs.itertuples()
    ]
    runs["done"] = [all((results / folder / name).is_file() for name in FILES) for folder in runs["folder"]]

    metrics, scores, costs, curves, notes = {}, [], [], [], []
    for run in runs[runs["done"]].to_dict("records"):
        folder = results / run["folder"]
        note, score = read_json(folder / "run.json"), read_json(folder / "scores.json")
        key = {column: run[column] for column in RUN}
        for metric in [score["main"], *(name for name in score["scores"] if name != score["main"])]:
            metrics.setdefault((run["task"], metric), score["n"])
            scores.append({**key, "metric": metric, "value": score["scores"][metric]})
        costs.append({**key, **_cost(note)})
        notes.append({**note, "signatures": score.get("signatures", {})})
        history = folder / "history.jsonl"
        if history.is_file():
            points = [row for row in read_jsonl(history) if "validation_loss" in row]
            curves += [{**key, "tokens": run["tokens"], **point} for point in points]
    return Study(
        runs=runs,
        metrics=pd.DataFrame([(*key, n) for key, n in metrics.items()], columns=["task", "metric", "records"]),
        scores=pd.DataFrame(scores, columns=[*RUN, "metric", "value"]).astype({"value": float}),
        costs=pd.DataFrame(costs, columns=[*RUN, *_cost({})]),
        curves=pd.DataFrame(curves, columns=[*RUN, "tokens", "step", "validation_loss"]),
        notes=notes,
    )


def _in_study_order(runs: pd.DataFrame) -> pd.DataFrame:
    """Models and tasks as the study lists them; then ICL with random, with retrieved demonstrations, PT, IPT."""
    order = pd.DataFrame(
        {
            "model": pd.factorize(runs["model"])[0],
            "task": pd.factorize(runs["task"])[0],
            "arm": runs["arm"].map(["icl", "pt", "ipt"].index),
            "retriever": runs["retriever"].fillna(""),  # random sorts before retrieved
            "shots": runs["shots"],
            "tokens": runs["tokens"],
            "seed": runs["seed"],
        }
    )
    return runs.loc[order.sort_values(list(order)).index].reset_index(drop=True)


def _cost(note: dict) -> dict[str, Any]:
    """What one run took, from its `run.json`; what it does not say is None."""
    tuning, generation = note.get("tuning") or {}, note.get("generation") or {}
    truncated = generation.get("truncated") or {}
    seconds, records = generation.get("seconds"), generation.get("records")
    return {
        "trainable_parameters": tuning.get("trainable_parameters"),
        "tuning_seconds": tuning.get("seconds"),
        "steps": tuning.get("steps"),
        "stopped_early": tuning.get("stopped_early"),
        "first_validation_loss": tuning.get("first_validation_loss"),
        "best_validation_loss": tuning.get("best_validation_loss"),
        "best_step": tuning.get("best_step"),
        "tuning_tokens_per_second": tuning.get("tokens_per_second"),
        "tuning_peak_memory_mb": tuning.get("peak_memory_mb"),
        "generation_seconds": seconds,
        "records": records,
        "ms_per_record": 1000 * seconds / records if seconds is not None and records else None,
        "input_tokens": generation.get("input_tokens"),
        "output_tokens": generation.get("output_tokens"),
        "generation_peak_memory_mb": generation.get("peak_memory_mb"),
        "truncated_demonstrations": truncated.get("demonstrations"),
        "truncated_inputs": truncated.get("inputs"),
        "device": note.get("device"),
        "threads": note.get("threads"),
    }
