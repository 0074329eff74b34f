"""From predictions to statistics per record, and to the scores of all records and of the official subsets."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from softshot.errors import UserError
from softshot.files import read_jsonl, replacing, sizes, write_json
from softshot.scoring import registry
from softshot.scoring.registry import NEEDS, OF_CHOICES, Metric

SHOWN = 3  # ids named in an error message
OF_PREDICTIONS = ("log_likelihoods", "choice_tokens")  # what metrics of choices read of a prediction
SUBSETS = ["easy", "medium", "hard", "extra", "overlap", "non-overlap"]  # in the order of the official tables

Statistics = dict[str, list[list[float]]]  # per metric: the statistics of every record


class Outputs(NamedTuple):
    """What was predicted, in the order of the records; of any system's output only the texts are known."""

    texts: list[str]
    tokens: list[int] | None = None
    stopped: list[bool] | None = None  # by itself, not at the limit

    def facts(self) -> dict[str, float | None]:
        """Percentages of empty outputs and of those cut at the limit, and mean lengths."""
        count = len(self.texts)
        return {
            "empty": 100 * sum(not text.strip() for text in self.texts) / count,
            "cut": None if self.stopped is None else 100 * self.stopped.count(False) / count,
            "characters": sum(map(len, self.texts)) / count,
            "tokens": None if self.tokens is None else sum(self.tokens) / count,
        }


def score_texts(
    metrics: Sequence[str],
    records: list[dict[str, Any]],
    predictions: list[str],
    data_folder: Path | None = None,
    encoder: Path | None = None,
) -> tuple[dict[str, Any], Statistics]:
    """Score any texts as predictions of the records: what `scores.json` says of them, and every record's statistics.

    `metrics`: their names, the main one first. `data_folder` is the task's in its official layout, for Spider's
    databases; `encoder` a model's folder, for BERTScore. A UserError says what a metric lacks in the records.
    """
    scorers = [registry.metric(name, data_folder, encoder) for name in metrics]
    rows = statistics(scorers, records, predictions)
    return summary(scorers, records, rows) | {"outputs": Outputs(predictions).facts()}, rows


def read_pairs(records: Path, predictions: Path) -> tuple[list[dict[str, Any]], Outputs]:
    """The records, with what was found of their choices, and what was predicted for them, in the same order.

    Every record must have exactly one prediction; ids that are missing, unknown or there twice are errors.
    """
    rows = {row["id"]: row for row in read_jsonl(records)}
    if not rows:
        raise UserError(f"{records} holds no records: there is nothing to score.")
    unanswerable = [id for id, row in rows.items() if not row["references"]]
    if unanswerable:
        raise UserError(f"{records}: {named(unanswerable)} without a reference: this split cannot be scored.")

    outputs: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(read_jsonl(predictions), 1):
        if not (isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("prediction"), str)):
            raise UserError(f'{predictions}, line {number}: not a row with the texts "id" and "prediction".')
        if row["id"] in outputs:
            raise UserError(f"{predictions}, line {number}: a second prediction for record {row['id']}.")
        outputs[row["id"]] = row
    faults = {"not predicted": rows.keys() - outputs.keys(), "unknown": outputs.keys() - rows.keys()}
    for fault, ids in faults.items():
        if ids:
            raise UserError(f"{predictions} does not fit {records}: {named(ids)} {fault}; generate them again.")
    ordered = [outputs[id] for id in rows]
    tokens, stopped = ([row.get(key) for row in ordered] for key in ("output_tokens", "stopped"))
    found = [{key: output[key] for key in OF_PREDICTIONS if key in output} for output in ordered]
    return [row | of_choices for row, of_choices in zip(rows.values(), found, strict=True)], Outputs(
        texts=[row["prediction"] for row in ordered],
        tokens=None if None in tokens else tokens,
        stopped=None if None in stopped else stopped,
    )


def named(ids: Iterable[str]) -> str:
    """'2 record(s) a, b', at most a few of them by name."""
    ids = sorted(ids)
    return f"{len(ids)} record(s) {', '.join(ids[:SHOWN])}{', ...' if len(ids) > SHOWN else ''}"


def statistics(metrics: list[Metric], records: list[dict[str, Any]], predictions: list[str]) -> Statistics:
    """Per metric the statistics of every record. What a metric reads in the records must be there."""
    for metric in metrics:
        needed = NEEDS.get(metric.name, ())
        if metric.name in OF_CHOICES and (lacking := [row["id"] for row in records if "choices" not in row]):
            raise UserError(f"{metric.name} is a metric of choices, which {named(lacking)} lack; choose other metrics.")
        lacking = [record["id"] for record in records if not record["meta"].keys() >= set(needed)]
        if lacking:
            raise UserError(
                f"{metric.name} reads {', '.join(needed)} in a record's `meta`, which {named(lacking)} lack:"
                " it is a metric of another task; choose other metrics."
            )
    pairs = list(zip(predictions, records, strict=True))
    return {metric.name: [metric.statistics(*pair) for pair in pairs] for metric in metrics}


def summary(metrics: list[Metric], records: list[dict[str, Any]], statistics: Statistics) -> dict[str, Any]:
    """The scores of all records and of each official subset, and how they were computed.

    A metric that could score nothing is not among the scores, and a note says why; the first one must score.
    """
    summed = {name: total(rows) for name, rows in statistics.items()}
    notes = {metric.name: text for metric in metrics if (text := _note(metric, summed[metric.name], len(records)))}
    overall, main = scores(metrics, summed), metrics[0].name
    if main not in overall:
        raise UserError(f"{main} could score nothing: {notes.get(main, 'no record counts')}; put another metric first.")
    parts = {}
    for subset, places in subsets(records).items():
        chosen = {name: total([rows[place] for place in places]) for name, rows in statistics.items()}
        parts[subset] = {"n": len(places), "scores": scores(metrics, chosen)}
    return {
        "main": main,
        "n": len(records),
        "scores": overall,
        "subsets": parts,
        "signatures": {metric.name: metric.signature for metric in metrics},
        "lower_is_better": [metric.name for metric in metrics if getattr(metric, "lower_is_better", False)],
        "notes": notes,
    }


def scores(metrics: list[Metric], summed: dict[str, list[float]]) -> dict[str, float]:
    """The scores of all metrics from their summed statistics, without those that could score nothing."""
    values = (item for metric in metrics for item in metric.scores(summed[metric.name]).items())
    return {name: float(value) for name, value in values if not math.isnan(value)}


def subsets(records: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The places of the records of each official subset (`meta.subset`), none where a task has no subsets."""
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        if subset := record["meta"].get("subset"):
            places.setdefault(subset, []).append(place)
    ranks = {name: rank for rank, name in enumerate(SUBSETS)}
    return {name: places[name] for name in sorted(places, key=lambda name: (ranks.get(name, len(ranks)), name))}


def write(folder: Path, records: list[dict[str, Any]], summary: dict[str, Any], statistics: Statistics) -> None:
    """Write `scores.parquet`, a column per metric, and `scores.json`: the summary, computed from the columns' sums."""
    columns = {
        "id": pa.array([record["id"] for record in records], pa.string()),
        "subset": pa.array([record["meta"].get("subset") for record in records], pa.string()),
    }
    columns |= {name: pa.array(rows, pa.list_(pa.float64())) for name, rows in statistics.items()}
    with replacing(folder / "scores.parquet") as temporary:
        pq.write_table(pa.table(columns), temporary)
    write_json(folder / "scores.json", summary | {"bytes": sizes(folder / "scores.parquet")})


def total(rows: list[list[float]]) -> list[float]:
    """Sum of the statistics, rounded once, so that the order of the records makes no difference."""
    return [math.fsum(column) for column in zip(*rows, strict=True)]


def _note(metric: Metric, summed: list[float], n: int) -> str | None:
    return metric.note(summed, n) if hasattr(metric, "note") else None
