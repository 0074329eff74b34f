"""Files of lines, of one JSON value a line, and of one JSON list: every part with the line it starts on.

A line that cannot be read is handed on as a ValueError in its place, so that the caller may leave it out. Where the
rest of the file cannot be told apart either, it is a UserError.
"""

import codecs
import json
from collections.abc import Iterator
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO

from softshot.errors import UserError

HEAD = 1 << 20  # bytes in which a file's line ends are looked for


def lines(path: Path) -> Iterator[tuple[int, str | UnicodeDecodeError]]:
    """The lines of a UTF-8 file, read as a stream; they keep their line feed.

    A byte order mark before a line is left out: files that were put together have several. Where there is no line
    feed at all, carriage returns end lines, as on old Macs.
    """
    try:
        with path.open("rb") as file:  # as text, one bad byte would lose the lines of a whole buffer
            for number, line in enumerate(_ended(path, file), 1):
                while line.startswith(codecs.BOM_UTF8):
                    line = line.removeprefix(codecs.BOM_UTF8)
                try:
                    yield number, line.decode()
                except UnicodeDecodeError as error:
                    yield number, error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _ended(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that is open at its start, by the line ends that its beginning has."""
    head = file.read(HEAD)
    _refuse_utf16(path, head)
    file.seek(0)
    if b"\n" in head or b"\r" not in head:
        yield from file
        return
    rest = b""
    while block := file.read(HEAD):
        *whole, rest = (rest + block).split(b"\r")
        yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def _refuse_utf16(path: Path, head: bytes) -> None:
    """Refuse a file that its first bytes say is UTF-16, as spreadsheets write "Unicode text"."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in head:
        raise UserError(f"{path}: not UTF-8 but UTF-16 text, by its byte order mark: save it as UTF-8.")


def plain_table(path: Path) -> Iterator[tuple[int, dict[str, str] | ValueError]]:
    """The rows of a tab-separated file by the columns of its header; a quotation mark is a character as any other."""
    header = None
    for number, line in lines(path):
        if isinstance(line, ValueError):
            yield number, line
            continue
        values = line.rstrip("\r\n").split("\t")
        if header is None:
            header = values
        elif len(values) != len(header):
            yield number, ValueError(f"{len(values)} tab-separated columns, not the header's {len(header)}")
        else:
            yield number, dict(zip(header, values, strict=True))


def json_lines(path: Path) -> Iterator[tuple[int, Any | ValueError]]:
    """The values of a file with one JSON value a line, read as a stream; blank lines are passed over."""
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for number, line in lines(path):
        if isinstance(line, ValueError):
            yield number, line
        elif line.strip():
            try:
                yield number, decoder.decode(line.strip())
            except (ValueError, RecursionError) as error:
                yield number, ValueError(reason(error))


def json_list(path: Path) -> Iterator[tuple[int, Any]]:
    """The elements of a file's JSON list; the text is in memory, the elements are not.

    They are decoded one by one: a decoder of the whole list would lose the lines.
    """
    text = _read_text(path)
    decoder = json.JSONDecoder(parse_constant=_refuse)
    line, counted = 1, 0

    def skip(place: int) -> int:
        """The place of the first character from `place` on that is not white space."""
        while place < len(text) and text[place] in " \t\r\n":
            place += 1
        return place

    def fault(place: int, what: str) -> UserError:
        found = repr(text[place]) if place < len(text) else "the end of the file"
        return UserError(f"{path}, line {text.count(chr(10), 0, place) + 1}: {what} expected, found {found}")

    place = skip(0)
    if text[place : place + 1] != "[":
        raise fault(place, "a JSON list of records")
    place = skip(place + 1)
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        try:
            item, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {getattr(error, 'lineno', line)}: {reason(error)}") from None
        yield line, item
        place = skip(place)
        if text[place : place + 1] == ",":
            place = skip(place + 1)
        elif text[place : place + 1] != "]":
            raise fault(place, "',' or ']'")
    if skip(place + 1) < len(text):
        raise fault(skip(place + 1), "the end of the file")


def _read_text(path: Path) -> str:
    """A UTF-8 file's text, with or without a byte order mark; other bytes are an error that names the line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    _refuse_utf16(path, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: {reason(error)}") from None


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, JSON has no such thing."""
    raise ValueError(f"not valid JSON: {constant}")


def reason(error: ValueError | RecursionError) -> str:
    """What is wrong with a row, in plain words where Python's own are not."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, JSONDecodeError):
        return f"not valid JSON: {error.msg} (column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text (byte {error.object[error.start]:#04x})"
    if isinstance(error, UnicodeEncodeError):
        return "half of a surrogate pair, which is no text"
    return str(error)
