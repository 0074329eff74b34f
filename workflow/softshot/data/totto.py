"""ToTTo: one sentence that says what the highlighted cells of a Wikipedia table say.

The official file has one JSON object a line. Parikh et al. 2020, https://aclanthology.org/2020.emnlp-main.89
"""

from typing import Any, NamedTuple

from softshot.data.text import collapse, get, is_a, shown

SUBSETS = {True: "overlap", False: "non-overlap", None: None}  # of the dev file; the train file does not say
CELL = ("value", "is_header", "row_span", "column_span")


class Cell(NamedTuple):
    """A table's cell and the part of the grid that it covers; `bottom` and `right` lie just outside."""

    value: str
    is_header: bool
    top: int
    bottom: int
    left: int
    right: int


def record(row: Any) -> dict:
    """One record per table: its highlighted cells linearised, and every annotator's final sentence.

    Records from one page are a group.
    """
    table = grid(get(row, "table", list))
    highlighted = _highlighted(row, table)
    title, section = get(row, "table_page_title", str), get(row, "table_section_title", str)
    subset = row.get("overlap_subset")
    if not (subset is None or isinstance(subset, bool)):
        raise ValueError(f"`overlap_subset` is not true or false: {shown(subset)}")
    return {
        "id": str(get(row, "example_id", int)),
        "input": linearise(title, section, table, highlighted),
        "references": _sentences(row),
        "meta": {
            **({"group": collapse(title)} if title.strip() else {}),
            "page_title": title,
            "section_title": section,
            "section_text": get(row, "table_section_text", str),
            "highlighted": [cell.value for cell in highlighted],
            "table": [cell.value for line in table for cell in line if cell.value.strip()],
            "subset": SUBSETS[subset],
        },
    }


def linearise(title: str, section: str, table: list[list[Cell]], highlighted: list[Cell]) -> str:
    """The highlighted cells with their headers, in the tags of the ToTTo authors' own baseline.

    Column headers are the header cells above that share a column with the cell, row headers those to its left that
    share a row, both in reading order; a header without text, and a title without text, is left out. Unlike the
    authors' script, which takes cells as they stand in their row, this follows cells that span rows (`grid`).
    """
    headers = [cell for line in table for cell in line if cell.is_header and cell.value.strip()]
    parts = [_tagged("page_title", title), _tagged("section_title", section), "<table>"]
    for cell in highlighted:
        above = [h for h in headers if h.top < cell.top and h.left < cell.right and cell.left < h.right]
        left = [h for h in headers if h.left < cell.left and h.top < cell.bottom and cell.top < h.bottom]
        parts += ["<cell>", cell.value]
        parts += [_tagged("col_header", header.value) for header in above]
        parts += [_tagged("row_header", header.value) for header in left]
        parts.append("</cell>")
    parts.append("</table>")
    return collapse(" ".join(parts))


def grid(table: list) -> list[list[Cell]]:
    """The table's cells at their true places: a cell moves right past those that span its row from above."""
    placed: list[list[Cell]] = []
    spanning: list[Cell] = []  # cells of earlier rows that may reach into this one
    for top, line in enumerate(table):
        if not isinstance(line, list):
            raise ValueError(f"row {top + 1} of `table` is not a list: {shown(line)}")
        spanning = sorted((cell for cell in spanning if cell.bottom > top), key=lambda cell: cell.left)
        waiting, column, cells = iter(spanning), 0, []
        blocking = next(waiting, None)
        for number, item in enumerate(line, 1):
            parts = tuple(map(item.get, CELL)) if isinstance(item, dict) else ()
            if tuple(map(type, parts)) != (str, bool, int, int):  # tables are large: one check for all four
                raise ValueError(
                    f"cell {number} in row {top + 1} of `table` lacks one of {', '.join(CELL)}: {shown(item)}"
                )
            value, is_header, down, wide = parts
            while blocking is not None and blocking.left <= column:
                column = max(column, blocking.right)
                blocking = next(waiting, None)
            right = column + max(wide, 1)
            cells.append(Cell(value, is_header, top, top + max(down, 1), column, right))
            column = right
        placed.append(cells)
        spanning += [cell for cell in cells if cell.bottom > top + 1]
    return placed


def _highlighted(row: dict, table: list[list[Cell]]) -> list[Cell]:
    """The highlighted cells, at least one, in the file's order."""
    found = []
    for place in get(row, "highlighted_cells", list):
        if not isinstance(place, list) or len(place) != 2 or not all(is_a(part, int) for part in place):
            raise ValueError(f"`highlighted_cells`: not a row and a column: {shown(place)}")
        line, number = place
        if not (0 <= line < len(table) and 0 <= number < len(table[line])):
            raise ValueError(f"`highlighted_cells`: the table has no cell {shown(place)}")
        found.append(table[line][number])
    if not found:
        raise ValueError("`highlighted_cells` is empty")
    return found


def _sentences(row: dict) -> list[str]:
    """The final sentence of every annotation that has one; the official test file has none at all."""
    annotations = get(row, "sentence_annotations", list)
    found = [get(annotation, "final_sentence", str) for annotation in annotations]
    found = [text for text in found if text.strip()]
    if not found:
        raise ValueError("`sentence_annotations` has no final sentence")
    return found


def _tagged(tag: str, text: str) -> str:
    return f"<{tag}> {text} </{tag}>" if text.strip() else ""
