"""MTOP: requests to an assistant and their meaning in decoupled form.

The official file is tab-separated, without header or quoting: id, intent, slot spans, utterance, domain,
locale, decoupled form, tokens as JSON. Li et al. 2021, https://aclanthology.org/2021.eacl-main.257
"""

from collections.abc import Iterator
from pathlib import Path

from softshot.data.text import collapse, read_text
from softshot.errors import UserError

COLUMNS = ("id", "intent", "slot spans", "utterance", "domain", "locale", "decoupled form", "tokens")


def records(path: Path, split: str) -> Iterator[dict]:
    """One record per row: the utterance, and its decoupled form as the only reference."""
    first_line: dict[str, int] = {}
    for number, row in rows(path):
        where = f"{path}, line {number}"
        utterance, form = collapse(row["utterance"]), collapse(row["decoupled form"])
        for column in ("id", "utterance", "decoupled form"):
            if not row[column].strip():
                raise UserError(f"{where}: the {column} is empty")
        if not balanced(form):
            raise UserError(f"{where}: the brackets of the decoupled form do not match: {form}")
        if row["id"] in first_line:
            raise UserError(f"{where}: id {row['id']} was already used in line {first_line[row['id']]}")
        first_line[row["id"]] = number
        yield {
            "id": f"mtop-{split}-{row['id']}",
            "input": utterance,
            "target": form,
            "references": [form],
            "meta": {"domain": row["domain"], "intent": row["intent"], "locale": row["locale"]},
        }


def rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The file's rows, column name to value, each with its line number."""
    lines = read_text(path).split("\n")  # not splitlines: an utterance may hold other separators
    if lines[-1] == "":
        lines.pop()
    for number, line in enumerate(lines, 1):
        values = line.removesuffix("\r").split("\t")
        if len(values) != len(COLUMNS):
            raise UserError(f"{path}, line {number}: {len(values)} tab-separated columns, not {len(COLUMNS)}")
        yield number, dict(zip(COLUMNS, values, strict=True))


def balanced(form: str) -> bool:
    """Whether a form is one tree: every `[IN:...` or `[SL:...` closed by a `]` of its own, nothing after the root."""
    depth = 0
    tokens = form.split()
    for position, token in enumerate(tokens):
        depth += token.startswith("[") - (token == "]")
        if depth <= 0 and position < len(tokens) - 1:
            return False
    return depth == 0
