"""The table of demonstrations: per record its neighbours among the training records, best first."""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from softshot.errors import UserError
from softshot.files import replacing

ROWS = 10_000  # per row group: what is held before it is written


class Row(NamedTuple):
    """The neighbours of one record."""

    id: str
    neighbours: list[str]  # ids of training records, best first
    scores: list[float]  # in the retriever's own unit; NaN for random neighbours
    excluded: int  # training records left out as the record itself, its duplicates or its group


SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "neighbours": pa.list_(pa.string()),
        "scores": pa.list_(pa.float64()),
        "excluded": pa.int32(),
    }
)


def write(
    path: Path,
    rows: Iterable[Row],
    neighbours: int,
    metadata: dict[str, str],
    repeats: Callable[[Row], bool] = lambda row: False,
) -> dict[str, str]:
    """Write one row per record as they come, with `metadata` in the file's own; return all that it says of itself.

    A record may have fewer `neighbours` than were asked for, even none, where the training records are few; how
    many have is added to the metadata and said on stderr. `repeats` says whether a row's first neighbour has the
    output that is wanted of the record; the share of such rows is added too.
    """
    rows, count, fewer, none, repeated = iter(rows), 0, 0, 0, 0
    with replacing(path) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:
        while group := list(itertools.islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist([row._asdict() for row in group], SCHEMA))
            count += len(group)
            repeated += sum(map(repeats, group))
            fewer += sum(len(row.neighbours) < neighbours for row in group)
            none += sum(not row.neighbours for row in group)
        metadata = metadata | {"neighbours": str(neighbours), "records_with_fewer": str(fewer)}
        metadata["first_has_output"] = f"{repeated / max(1, count):.4f}"
        writer.add_key_value_metadata(metadata)
    if fewer:
        print(f"{path}: {fewer} records have fewer than {neighbours} neighbours, {none} of them none", file=sys.stderr)
    return metadata


def read_neighbours(path: Path) -> dict[str, list[tuple[str, float]]]:
    """Per record id: (training record id, score), best first."""
    with _explained(path):
        columns = pq.read_table(path, columns=["id", "neighbours", "scores"]).to_pydict()
    pairs = zip(columns["neighbours"], columns["scores"], strict=True)
    return {id: list(zip(*pair, strict=True)) for id, pair in zip(columns["id"], pairs, strict=True)}


def read_metadata(path: Path) -> dict[str, str]:
    """What the table says of its making: retriever, encoder, checksums, and the recall of an approximate search."""
    with _explained(path):
        kept = pq.read_metadata(path).metadata.items()
    return {key.decode(): value.decode() for key, value in kept if not key.startswith(b"ARROW:")}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """A table that is not there, or not whole, is an error that says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `softshot.demonstrations` writes it.") from None
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a table of demonstrations ({error}): delete it and run again.") from None
