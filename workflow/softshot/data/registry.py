"""The converters of the catalogue's tasks. A new one is a module with a `record`, and its line here.

Read while the Snakefile is parsed: imports nothing heavy.
"""

from typing import Literal, NamedTuple

from softshot.task import TableSettings

Choices = Literal["same", "own"]


class Converter(NamedTuple):
    """How a task's files are read: its module makes the records out of rows."""

    reader: str  # a function of data/readers.py, or of the task's module
    module: str | None = None  # below data/, where it is not called as the task
    grouped: bool = False  # whether its records say in `meta.group` which of them belong together
    by_split: bool = False  # whether one file holds several splits, of which the reader is told the one
    choices: Choices | None = None  # of a task whose outputs are chosen: the same answers in every record, or its own


CONVERTERS = {
    "totto": Converter("json_lines", grouped=True),
    "dart": Converter("json_list"),
    "logic2text": Converter("json_list"),
    "spider": Converter("rows", grouped=True),
    "mtop": Converter("lines"),
    "boolq": Converter("json_lines", choices="same"),
    "cb": Converter("json_lines", choices="same"),
    "copa": Converter("json_lines", choices="own"),
    "rte": Converter("json_lines", choices="same"),
    "wic": Converter("json_lines", choices="same"),
    "fewglue-boolq": Converter("json_lines", module="boolq", choices="same"),
    "fewglue-cb": Converter("json_lines", module="cb", choices="same"),
    "fewglue-copa": Converter("json_lines", module="copa", choices="own"),
    "fewglue-rte": Converter("json_lines", module="rte", choices="same"),
    "fewglue-wic": Converter("json_lines", module="wic", choices="same"),
    "mrpc": Converter("plain_table", choices="same"),
    "qqp": Converter("plain_table", choices="same"),
    "clinc": Converter("rows", by_split=True, choices="same"),
}


def module(task: str) -> str:
    """The module below data/ that makes a task's records."""
    return CONVERTERS[task].module or task


def grouped(task: str, settings: TableSettings | None) -> bool:
    """Whether a task's records say which of them belong together, such as the questions on one database."""
    return CONVERTERS[task].grouped if settings is None else settings.group is not None


def choices(task: str, settings: TableSettings | None) -> Choices | None:
    """Whether a task's outputs are chosen: among the `same` answers in every record, or among each record's `own`."""
    if settings is None:
        return CONVERTERS[task].choices
    if settings.choices is None:
        return None
    return "own" if any("{" in text for text in settings.choices) else "same"
