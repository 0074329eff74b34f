"""The vectors of one split on disk, tied by checksum to the records they were computed from."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from softshot.errors import UserError
from softshot.files import replacing, sha256


@dataclass(frozen=True)
class Embeddings:
    """One vector per record, in the order of the records file."""

    ids: list[str]
    vectors: np.ndarray  # [records, dimension], float32, each of length 1
    encoder: str
    records_sha256: str


def save(path: Path, embeddings: Embeddings) -> None:
    """Write the embeddings, uncompressed: normalised float32 vectors do not get smaller."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            ids=np.array(embeddings.ids),
            vectors=embeddings.vectors,
            encoder=embeddings.encoder,
            records_sha256=embeddings.records_sha256,
        )


def load(path: Path, records: Path) -> Embeddings:
    """Read the embeddings of the records file; vectors of any other content are refused."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            embeddings = Embeddings(
                arrays["ids"].tolist(), arrays["vectors"], str(arrays["encoder"]), str(arrays["records_sha256"])
            )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `softshot.demonstrations encode` writes it.") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a file of embeddings ({error}): delete it and encode again.") from None
    if embeddings.records_sha256 != sha256(records):
        raise UserError(f"{path} was not computed from {records} as it is now: delete it and encode again.")
    return embeddings
