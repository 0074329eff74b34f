"""Reading and writing the files between the rooms. A file is either whole or not there."""

import fcntl
import glob
import gzip
import hashlib
import io
import json
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from softshot.errors import UserError

PREDICTIONS = "predictions.jsonl.gz"  # of a run: a sixth of the plain text
UMASK = os.umask(0o022)  # which can only be read by setting it
os.umask(UMASK)


@contextmanager
def alone(folder: Path, record: str) -> Iterator[bool]:
    """Nobody else makes `folder` meanwhile; yield whether somebody has made it while this process waited for that.

    `record` is the file in it that is written last. Studies in several checkouts may share what is fetched.
    """
    began, path, made = time.time(), folder.with_name(f".{folder.name}.lock"), folder / record
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.fstat(lock.fileno()).st_nlink:
                continue  # who had it has deleted it: the lock is another file now
            try:
                yield made.is_file() and made.stat().st_mtime >= began
            finally:
                path.unlink(missing_ok=True)
            return


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any failure.

    It is on the disk before it is renamed: after a power loss too a file is whole or not there. What a killed
    writer of the same file has left is deleted.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.new-"
    for stale in path.parent.glob(f"{glob.escape(prefix)}*"):
        stale.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        as_any_other(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def as_any_other(path: Path) -> None:
    """Give a file or folder that was made as a private one the permissions of any other, by the umask."""
    path.chmod((0o777 if path.is_dir() else 0o666) & ~UMASK)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; a file that is missing or not JSON is an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None


def write_jsonl(path: Path, rows: Iterable[dict]) -> int:
    """Write one JSON object a line, whole or not at all, compressed where `path` ends in `.gz`; return how many.

    The same rows give the same bytes: a compressed file says no name and no time.
    """
    count = 0
    with replacing(path) as temporary, _text(temporary, "w") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def read_jsonl(path: Path) -> list[dict]:
    """Read one JSON object a line; a malformed line is an error that names file and line.

    A file that was cut between two lines looks whole: its checksum, where one is recorded beside it, says so.
    """
    verify(path)
    rows = []
    try:
        with _text(path, "r") as file:
            for number, line in enumerate(file, 1):
                try:
                    rows.append(json.loads(line))
                except ValueError as error:
                    raise UserError(f"{path}, line {number}: not valid JSON: {error}") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a whole compressed file: {error}") from None
    return rows


@contextmanager
def _text(path: Path, mode: str) -> Iterator[TextIO]:
    """Open a file as text, through gzip where its name says so."""
    with path.open(f"{mode}b") as raw:
        if path.suffix != ".gz":
            with io.TextIOWrapper(raw, encoding="utf-8") as file:
                yield file
        else:
            packed = gzip.GzipFile(filename="", mode=f"{mode}b", fileobj=raw, mtime=0)
            with packed, io.TextIOWrapper(packed, encoding="utf-8") as file:
                yield file


def sha256(path: Path) -> str:
    """The file's SHA-256 checksum in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(*paths: Path) -> dict[str, str]:
    """Name and SHA-256 of files; under the key `checksums` of a JSON file beside them, `verify` finds it."""
    return {path.name: sha256(path) for path in paths}


def sizes(*paths: Path) -> dict[str, int]:
    """Name and bytes of files; under the key `bytes` of a run's record, a cut file is noticed before anything runs."""
    return {path.name: path.stat().st_size for path in paths}


def verify(path: Path) -> None:
    """Refuse a file that is not what was written, by the checksum that is recorded beside it.

    It stands in the JSON file of the same name (records), in `run.json` (predictions) or in `tuning.json` (prompt and
    history). A file without a record is the user's own, and taken as it is.
    """
    run = path.parent.parent if path.parent.name == "adapter" else path.parent
    for note in (path.with_suffix(".json"), run / "run.json", run / "tuning.json"):
        if note == path or not (note.is_file() and path.is_file()):
            continue
        known = read_json(note)
        recorded = known.get("checksums", {}).get(path.name) if isinstance(known, dict) else None
        if recorded not in (None, sha256(path)):
            raise UserError(
                f"{path} is not the file that was written, by its checksum in {note.name}: it was cut or changed"
                " afterwards. Delete it and run again."
            )
