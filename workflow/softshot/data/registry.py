"""The converters of the catalogue's tasks. A new one is a module with a `record`, and its line here.

Read while the Snakefile is parsed: imports nothing heavy.
"""

from typing import NamedTuple

from softshot.task import TableSettings


class Converter(NamedTuple):
    """How a task's files are read: its module makes the records out of rows."""

    reader: str  # a function of data/readers.py, or of the task's module
    grouped: bool = False  # whether its records say in `meta.group` which of them belong together


CONVERTERS = {
    "totto": Converter("json_lines", grouped=True),
    "dart": Converter("json_list"),
    "logic2text": Converter("json_list"),
    "spider": Converter("rows", grouped=True),
    "mtop": Converter("lines"),
}


def grouped(task: str, settings: TableSettings | None) -> bool:
    """Whether a task's records say which of them belong together, such as the questions on one database."""
    return CONVERTERS[task].grouped if settings is None else settings.group is not None
