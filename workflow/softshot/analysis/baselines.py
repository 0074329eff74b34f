"""What needs no model: the scores of empty outputs, of the input copied, of the first demonstration's output copied, of
the most frequent answer where there are choices, and of the target itself. Beside them a score says what a model adds.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from softshot.analysis.bootstrap import replicate
from softshot.analysis.cells import RANDOM, UPPER_BOUND, Cell
from softshot.analysis.evidence import Evidence, bounded
from softshot.analysis.near import Near
from softshot.analysis.records import Statistics, each
from softshot.grid import NOTHING
from softshot.scoring import registry
from softshot.scoring.score import score_texts
from softshot.settings import Study
from softshot.study import evaluation

COLUMNS = ["task", "metric", "baseline", "retriever", "score", "low", "high", "n"]
EMPTY, INPUT, DEMONSTRATION, TARGET = "empty output", "input copied", "first demonstration copied", "the target itself"
FREQUENT = "most frequent answer"
ALONE = (EMPTY, INPUT, FREQUENT)  # without demonstrations
KEPT = ("id", "input", "target", "references", "choices")
RESOURCES = {"execution_accuracy", registry.LEARNED}  # metrics that need databases or a model


def baselines(study: Study, evidence: dict[str, Evidence], near: Near, folder: Path) -> pd.DataFrame:
    """A row per task and baseline, by the task's main metric, on the records that its runs are scored on."""
    rows = []
    for task, of_task in evidence.items():
        metric = of_task.statistics.metric
        path = folder / "data" / task / f"{evaluation(study, task)}.jsonl"
        if metric in RESOURCES or not path.is_file():
            continue
        records = _records(path, metric, of_task.statistics.ids)
        copied = {cell.retriever: near.outputs(cell) for cell in _showing(of_task)}
        outputs = texts(records, copied, path.with_name("train.jsonl"))
        statistics = {name: score_texts([metric], records, texts)[1][metric] for name, texts in outputs.items()}
        rows += _scored(study, of_task, statistics)
    return pd.DataFrame(rows, columns=COLUMNS)


def texts(records: list[dict], copied: dict[str, dict[str, str]], train: Path) -> dict[tuple[str, str], list[str]]:
    """The output for every record of each baseline and retriever.

    `copied`: per retriever the first demonstration's output of records, by id; the most frequent answer is that of the
    training records.
    """
    outputs = {(EMPTY, ""): [""] * len(records), (INPUT, ""): [record["input"] for record in records]}
    if "choices" in records[0] and train.is_file():
        answers = Counter(record["target"] for record in each(train))
        outputs[FREQUENT, ""] = [answers.most_common(1)[0][0]] * len(records)
    for retriever, of_record in copied.items():
        outputs[DEMONSTRATION, retriever] = [of_record.get(record["id"], "") for record in records]
    return outputs | {(TARGET, ""): [record["target"] for record in records]}


def floor(table: pd.DataFrame, task: str, lower: bool) -> tuple[str, float]:
    """The best baseline of a task that needs no demonstration, and its score; 0 or no bound where none was scored.

    `table`: of `baselines`; `lower`: whether a lower score is better.
    """
    rows = table[(table["task"] == task) & table["baseline"].isin(ALONE)].sort_values("score", ascending=lower)
    if len(rows):
        return rows["baseline"].iloc[0], float(rows["score"].iloc[0])
    return EMPTY, float("inf") if lower else 0.0


def copied(table: pd.DataFrame, task: str, lower: bool) -> tuple[str, float] | None:
    """The retriever whose first demonstration's output scores best when it is copied, and that score; None without one.

    `table`: of `baselines`; `lower`: whether a lower score is better.
    """
    rows = table[(table["task"] == task) & (table["baseline"] == DEMONSTRATION)].sort_values("score", ascending=lower)
    return (rows["retriever"].iloc[0], float(rows["score"].iloc[0])) if len(rows) else None


def title(baseline: str, retriever: str) -> str:
    """What a baseline is called where there is little room."""
    return f"{retriever} output copied" if retriever else baseline


def _scored(study: Study, evidence: Evidence, statistics: dict[tuple[str, str], list[list[float]]]) -> list[tuple]:
    """The rows of one task, on the same resamples as its runs."""
    runs = evidence.statistics
    of = {"/".join(name): np.array(rows, dtype=float) for name, rows in statistics.items()}
    statistics_of_texts = Statistics(runs.task, runs.metric, runs.lower, runs.ids, of, runs.clusters, runs.unit)
    replicates = replicate(statistics_of_texts, (study.study, runs.task), study.analysis.bootstrap)
    rows = []
    for name in statistics:
        estimate = replicates.estimate(name, [("/".join(name), 0)], frozenset())
        ends = bounded(estimate, study.analysis.confidence, runs.lower)
        rows.append((runs.task, runs.metric, *name, estimate.value, *ends, len(runs.ids)))
    return rows


def _records(path: Path, metric: str, ids: list[str]) -> list[dict]:
    """The scored records, in the order of their statistics, of their meta only what the metric reads."""
    needed = registry.NEEDS.get(metric, ())
    records = {}
    for record in each(path):
        meta = {key: value for key, value in record["meta"].items() if key in needed}
        records[record["id"]] = {key: record[key] for key in KEPT if key in record} | {"meta": meta}
    return [records[id] for id in ids]


def _showing(evidence: Evidence) -> list[Cell]:
    """A finished cell of every retriever that a system can have, with demonstrations and nothing trained."""
    cells = [cell for cell in evidence.estimates if cell.method == NOTHING and cell.ordinary and cell.shots]
    retrieving = [cell for cell in cells if cell.retriever not in (RANDOM, UPPER_BOUND)]
    return list({cell.retriever: cell for cell in reversed(retrieving)}.values())
