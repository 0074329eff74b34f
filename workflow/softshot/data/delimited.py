"""CSV and TSV files with a header: every row as {column: value} with the line it starts on.

In a CSV file quoted fields may hold line feeds (RFC 4180). In a TSV file a line is a row, whatever its quotation
marks: many are written without quoting, and a mark that opens a line would take in all lines to the next one.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from softshot.data.readers import lines, reason
from softshot.errors import UserError

LONGEST_FIELD = 1 << 24  # characters of a CSV field; a quote that is never closed would swallow the whole file
Row = tuple[int, dict[str, str] | ValueError]


def csv_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV file, read as a stream."""
    faults: list[ValueError] = []  # of the lines that the reader took last

    def decoded() -> Iterator[str]:
        for _, line in lines(path):
            if isinstance(line, UnicodeDecodeError):
                faults.append(line)
                line = line.object.decode(errors="replace")  # the quotes in it still count
            yield line

    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(decoded(), strict=True)
    header = None
    while True:
        start = reader.line_num + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            if header is None or "end of data" in str(error) or "field limit" in str(error):
                raise UserError(f"{path}, line {start}: {error}; is a quote left open here?") from None
            values = []
            faults.append(ValueError(f"not valid CSV: {error}{_span(start, reader.line_num)}"))
        if values is None:
            return
        if header is None:
            header = _header(path, start, values, faults)
        elif faults:
            yield start, faults[0]
        elif len(values) not in (0, len(header)):
            yield start, ValueError(f"{_widths(values, header)}{_span(start, reader.line_num)}")
        elif values:  # a blank line has none
            yield start, _row(header, values)
        faults.clear()


def tsv_rows(path: Path) -> Iterator[Row]:
    """The rows of a TSV file, read as a stream, and once before for what its quotation marks are."""
    quoting = plain_quotes(path) is None
    header = None
    for number, line in lines(path):
        values = line if isinstance(line, ValueError) else _fields(line, quoting)
        if header is None:
            faults = [values] if isinstance(values, ValueError) else []
            header = _header(path, number, [] if faults else values, faults)
        elif isinstance(values, ValueError):
            yield number, values
        elif values == [""]:
            continue
        elif len(values) != len(header):
            yield number, ValueError(_widths(values, header))
        else:
            yield number, _row(header, values)


def plain_quotes(path: Path) -> int | None:
    """The first line that says that a TSV file is written without quoting; None where fields may be quoted.

    Of the two readings, with and without quoting, the one holds under which fewer lines are malformed; with
    quoting where they are as many.
    """
    widths: dict[bool, int] = {}
    faults = {True: 0, False: 0}  # with quoting, without
    first = None
    for number, line in lines(path):
        if isinstance(line, ValueError):
            continue
        for quoting in faults:
            values = _fields(line, quoting)
            fault = isinstance(values, ValueError) or len(values) != widths.setdefault(quoting, len(values))
            fault = fault and values != [""]
            faults[quoting] += fault
            if fault and quoting and first is None:
                first = number
    return first if faults[False] < faults[True] else None


def _fields(line: str, quoting: bool) -> list[str] | ValueError:
    """The fields of a TSV file's line; one empty field for a blank line."""
    line = line.rstrip("\r\n")
    if not quoting or '"' not in line:
        return line.split("\t")
    csv.field_size_limit(LONGEST_FIELD)
    try:
        return next(csv.reader([line.replace("\r", " ")], delimiter="\t", strict=True))
    except csv.Error as error:
        fault = "a quoted field does not end on its line" if "end of data" in str(error) else f"not valid TSV: {error}"
        return ValueError(fault)


def _header(path: Path, line: int, names: list[str], faults: list[ValueError]) -> list[str]:
    """The names of the columns, each once; an index column, which tables are often written with, may have none."""
    fault = None
    if faults:
        fault = reason(faults[0])
    elif not any(name.strip() for name in names):
        fault = "the header names no column"
    elif twice := [name for name in names if name.strip() and names.count(name) > 1]:
        fault = f"the header has column `{twice[0]}` twice"
    if fault:
        raise UserError(f"{path}, line {line}: {fault}")
    return names


def _row(header: list[str], values: list[str]) -> dict[str, str]:
    """The values of the columns that have a name."""
    return {name: value for name, value in zip(header, values, strict=True) if name.strip()}


def _widths(values: list[str], header: list[str]) -> str:
    return f"{len(values)} fields, the header has {len(header)}"


def _span(start: int, end: int) -> str:
    """Which lines a row took in, where these are several: a quote left open may have swallowed rows."""
    return f" (lines {start} to {end} are one row by their quotes)" if end > start else ""
