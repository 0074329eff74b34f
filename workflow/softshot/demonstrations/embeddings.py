"""The vectors of one split on disk: `<split>.npy`, and `<split>.json` that says what they were made from and by."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from softshot import files
from softshot.errors import UserError
from softshot.sections import Section, read

AGAIN = "delete it and encode again"


class Origin(Section):
    """What vectors were made from and by."""

    encoder: str = Field(..., description="Its name.")
    revision: str = Field(..., description="What identifies its weights.")
    dimension: int = Field(..., description="Numbers per vector.")
    normalised: Literal[True] = Field(True, description="Every vector has length 1.")
    records: int = Field(..., description="How many.")
    records_sha256: str = Field(..., description="Checksum of the records file, whose order the vectors have.")
    code: str = Field("", description="Checksum of the modules that made them.")


class Vectors:
    """Vectors in a `.npy` file, or those in some of its `rows`, indexed like an array, [records, dimension], float32.

    What is asked for is copied out of a memory map that is closed at once: what was read before does not pile up.
    """

    def __init__(self, path: Path, rows: np.ndarray | None = None):
        self.path, self.rows = path, rows
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        self.shape, self.dtype = mapped.shape, mapped.dtype
        if rows is not None:
            self.shape = (len(rows), *mapped.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        rows = rows if self.rows is None else self.rows[rows]
        return np.array(np.load(self.path, mmap_mode="r", allow_pickle=False)[rows])


@dataclass(frozen=True)
class Embeddings:
    """One vector per record, in the order of the records file."""

    vectors: Vectors
    origin: Origin


def save(path: Path, blocks: Iterable[np.ndarray], origin: Origin) -> None:
    """Write the vectors, which come in blocks [some, dimension]. The `.json` comes last: without it nothing is read."""
    description = path.with_suffix(".json")
    description.unlink(missing_ok=True)
    header = {"descr": "<f4", "fortran_order": False, "shape": (origin.records, origin.dimension)}
    with files.replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(block.astype("<f4", copy=False).tobytes())
    files.write_json(description, origin.model_dump())


def load(path: Path, records: Path) -> Embeddings:
    """Open the embeddings of the records file; vectors of any other content are refused."""
    if not path.exists():
        raise UserError(f"{path}: no such file; `softshot.demonstrations encode` writes it.")
    origin = read(Origin, files.read_json(path.with_suffix(".json")), str(path.with_suffix(".json")))
    if origin.records_sha256 != files.sha256(records):
        raise UserError(f"{path} was not computed from {records} as it is now: {AGAIN}.")
    try:
        vectors = Vectors(path)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is not a whole file of vectors ({error}): {AGAIN}.") from None
    if vectors.shape != (origin.records, origin.dimension) or vectors.dtype != np.dtype("<f4"):
        raise UserError(
            f"{path} holds {vectors.dtype} {list(vectors.shape)}, but its .json says float32"
            f" [{origin.records}, {origin.dimension}]: {AGAIN}."
        )
    return Embeddings(vectors, origin)


def load_part(path: Path, records: Path, whole: Path) -> Embeddings:
    """The vectors of a records file that holds some of the records of `whole`, which the embeddings are of."""
    embeddings = load(path, whole)
    places = {record["id"]: row for row, record in enumerate(files.read_jsonl(whole))}
    ids = [record["id"] for record in files.read_jsonl(records)]
    if missing := [id for id in ids if id not in places]:
        raise UserError(f"{records}: record {missing[0]} is not in {whole}: draw the part again.")
    return Embeddings(Vectors(path, np.array([places[id] for id in ids])), embeddings.origin)


def same_encoder(index: Path, one: Origin, queries: Path, other: Origin) -> None:
    """Refuse vectors of two encoders: their products would mean nothing."""
    for key in ("encoder", "revision", "dimension"):
        if getattr(one, key) != getattr(other, key):
            raise UserError(
                f"{queries} and {index} differ in their {key}, {getattr(other, key)} and {getattr(one, key)}:"
                " encode both with the same encoder."
            )
