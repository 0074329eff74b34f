"""What comes in a data file's place: Git LFS pointers, web pages, a server's messages, and files that were cut."""

import json
import re
from pathlib import Path

from softshot.data.readers import reason
from softshot.errors import UserError

HEAD = 1 << 16  # bytes in which a page has its title
POINTER = "version https://git-lfs.github.com/spec/"
PAGE = re.compile(r"<!--|<(!doctype|\?xml|html|head|body|script|meta|title|center|div|p|h1)\b", re.IGNORECASE)
TITLE = re.compile(r"<title[^>]*>([^<]*)</title>", re.IGNORECASE)


def stranger(path: Path) -> str | None:
    """What a file is that is no data, by its beginning; None where nothing says so."""
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", "replace").strip()
    if head.startswith(POINTER):
        return "a Git LFS pointer, which stands for a file that was not fetched"
    if PAGE.match(head):
        title = TITLE.search(head)
        return f"a web page ({' '.join(title[1].split())})" if title else "a web page"
    return None


def refuse_stranger(path: Path) -> None:
    """Refuse a local file that is no data; a missing one is the reader's to refuse."""
    what = stranger(path) if path.is_file() else None
    if what:
        remedy = "`git lfs pull` where it lies" if "LFS" in what else "download the file itself"
        raise UserError(f"{path} is {what}, not the file: {remedy}.")


def fault(path: Path, suffix: str) -> str | None:
    """Why a downloaded file cannot be an official one of this suffix; None where it can.

    Where no checksum is published this is what tells a pointer, a page, a message or a cut file from data. Lists are
    read whole; of lines the first and the last are looked at, since a file that was cut ends in the middle of one.
    """
    if what := stranger(path):
        return f"it is {what}"
    if path.stat().st_size == 0:
        return "it is empty"
    checks = {".json": _list_fault, ".jsonl": _lines_fault, ".txt": _columns_fault, ".tsv": _columns_fault}
    return checks[suffix](path) if suffix in checks else None


def _list_fault(path: Path) -> str | None:
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        return f"it is cut or no data: {reason(error)}"
    lists = value.values() if isinstance(value, dict) else [value]  # an object of lists, as splits or classes are
    return None if value and all(isinstance(one, list) for one in lists) else "it is no list of records"


def _lines_fault(path: Path) -> str | None:
    for line in _ends(path):
        try:
            if not isinstance(json.loads(line), dict):
                return "its lines are no records"
        except (ValueError, RecursionError) as error:
            return f"it is cut or no data: {reason(error)}"
    return None


def _columns_fault(path: Path) -> str | None:
    first, last = (line.count(b"\t") for line in _ends(path))
    return None if first == last > 0 else "it is cut or no data: its first and last line have not the same columns"


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first and the last line of a file that is not empty."""
    with path.open("rb") as file:
        first = last = next(file)
        for line in file:
            last = line if line.strip() else last
    return first, last
