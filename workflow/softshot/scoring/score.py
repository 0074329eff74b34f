"""From predictions to statistics per record and scores of the run."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from softshot.errors import UserError
from softshot.files import read_jsonl, replacing, write_json
from softshot.scoring.registry import Metric

SHOWN = 3  # ids named in an error message


def read_pairs(records: Path, predictions: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Predictions and references by record id, both in the order of the records.

    Every record must have exactly one prediction; ids that are missing, unknown or there twice are errors.
    """
    references = {row["id"]: row["references"] for row in read_jsonl(records)}
    if not references:
        raise UserError(f"{records} holds no records: there is nothing to score.")
    unanswerable = [id for id, texts in references.items() if not texts]
    if unanswerable:
        raise UserError(f"{records}: {named(unanswerable)} without a reference: this split cannot be scored.")

    found: dict[str, str] = {}
    for number, row in enumerate(read_jsonl(predictions), 1):
        if not (isinstance(row, dict) and isinstance(row.get("id"), str) and isinstance(row.get("prediction"), str)):
            raise UserError(f'{predictions}, line {number}: not a row with the texts "id" and "prediction".')
        if row["id"] in found:
            raise UserError(f"{predictions}, line {number}: a second prediction for record {row['id']}.")
        found[row["id"]] = row["prediction"]
    faults = {"not predicted": references.keys() - found.keys(), "unknown": found.keys() - references.keys()}
    for fault, ids in faults.items():
        if ids:
            raise UserError(f"{predictions} does not fit {records}: {named(ids)} {fault}; generate them again.")
    return {id: found[id] for id in references}, references


def named(ids: Iterable[str]) -> str:
    """'2 record(s) a, b', at most a few of them by name."""
    ids = sorted(ids)
    return f"{len(ids)} record(s) {', '.join(ids[:SHOWN])}{', ...' if len(ids) > SHOWN else ''}"


def statistics(
    metrics: list[Metric], predictions: dict[str, str], references: dict[str, list[str]]
) -> dict[str, list[list[float]]]:
    """Per metric: the statistics of every record, in the order of the predictions."""
    return {
        metric.name: [metric.statistics(text, references[id]) for id, text in predictions.items()] for metric in metrics
    }


def write(folder: Path, metrics: list[Metric], ids: list[str], statistics: dict[str, list[list[float]]]) -> None:
    """Write `scores.parquet`, a column per metric, and `scores.json`, computed from the columns' sums."""
    columns = {"id": pa.array(ids, pa.string())}
    columns |= {name: pa.array(rows, pa.list_(pa.float64())) for name, rows in statistics.items()}
    scores = {metric.name: metric.score(total(statistics[metric.name])) for metric in metrics}
    with replacing(folder / "scores.parquet") as temporary:
        pq.write_table(pa.table(columns), temporary)
    write_json(
        folder / "scores.json",
        {
            "main": metrics[0].name,
            "n": len(ids),
            "scores": scores,
            "signatures": {metric.name: metric.signature for metric in metrics},
        },
    )


def total(rows: list[list[float]]) -> list[float]:
    """Sum of the statistics; they are counts, so the sum is exact."""
    return [sum(column) for column in zip(*rows, strict=True)]
