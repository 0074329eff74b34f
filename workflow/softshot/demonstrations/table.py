"""The table of demonstrations: per record its neighbours among the training records, best first."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from softshot.errors import UserError
from softshot.files import replacing


class Row(NamedTuple):
    """The neighbours of one record."""

    id: str
    neighbours: list[str]  # ids of training records, best first
    scores: list[float]  # inner products of normalised vectors; NaN for random neighbours
    excluded: int  # training records left out as the record itself or its duplicates


SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "neighbours": pa.list_(pa.string()),
        "scores": pa.list_(pa.float32()),
        "excluded": pa.int32(),
    }
)


def write(path: Path, rows: Sequence[Row], metadata: dict[str, str]) -> None:
    """Write one row per record; `metadata` is kept in the file's schema.

    A record without any neighbour is an error: no variant with demonstrations could run on it.
    """
    for row in rows:
        if not row.neighbours:
            raise UserError(
                f"record {row.id}: no demonstration is left, all {row.excluded} training records are the record"
                " itself or have its input; use more training records (data.limits.train)."
            )
    table = pa.Table.from_pylist([row._asdict() for row in rows], SCHEMA.with_metadata(metadata))
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def read_neighbours(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Per record id: (training record id, score), best first."""
    try:
        columns = pq.read_table(path, columns=["id", "neighbours", "scores"]).to_pydict()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `softshot.demonstrations` writes it.") from None
    except pa.ArrowException as error:
        raise UserError(f"{path} is not a table of demonstrations ({error}): delete it and run again.") from None
    pairs = zip(columns["neighbours"], columns["scores"], strict=True)
    return {id: list(zip(*pair, strict=True)) for id, pair in zip(columns["id"], pairs, strict=True)}
