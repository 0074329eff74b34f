"""The converters of the catalogue's tasks. A new one is a module with a `record`, and its line here.

Read while the Snakefile is parsed: imports nothing heavy.
"""

from typing import Literal, NamedTuple

from softshot.task import TableSettings

Choices = Literal["same", "own"]


class Grouping(NamedTuple):
    """A way in which a task's records fall into groups, some of which a study can hold out (settings: `shift`)."""

    field: str  # of a record's `meta`, which names its group
    known: tuple[str, ...] = ()  # all names, where the task's authors fix them
    trained: bool = True  # whether training records have it; else the official split holds groups out by itself


class Converter(NamedTuple):
    """How a task's files are read: its module makes the records out of rows."""

    reader: str  # a function of data/readers.py, or of the task's module
    module: str | None = None  # below data/, where it is not called as the task
    grouped: bool = False  # whether its records say in `meta.group` which of them belong together
    by_split: bool = False  # whether one file holds several splits, of which the reader is told the one
    choices: Choices | None = None  # of a task whose outputs are chosen: the same answers in every record, or its own
    by: tuple[tuple[str, Grouping], ...] = ()  # groupings of its records, by name


MTOP = ["alarm", "calling", "event", "messaging", "music", "news", "people", "recipes", "reminder", "timer", "weather"]
CLINC = ["auto_and_commute", "banking", "credit_cards", "home", "kitchen_and_dining", "meta", "small_talk", "travel"]
CLINC += ["utility", "work"]
BY_DOMAIN = {
    name: (("domain", Grouping("domain", tuple(known))),) for name, known in (("mtop", MTOP), ("clinc", CLINC))
}
BY_OVERLAP = (("overlap", Grouping("subset", ("overlap", "non-overlap"), trained=False)),)

CONVERTERS = {
    "totto": Converter("json_lines", grouped=True, by=BY_OVERLAP),
    "dart": Converter("json_list"),
    "logic2text": Converter("json_list"),
    "spider": Converter("rows", grouped=True, by=(("database", Grouping("group")),)),
    "mtop": Converter("lines", by=BY_DOMAIN["mtop"]),
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
    "clinc": Converter("rows", by_split=True, choices="same", by=BY_DOMAIN["clinc"]),
}


def module(task: str) -> str:
    """The module below data/ that makes a task's records."""
    return CONVERTERS[task].module or task


def grouped(task: str, settings: TableSettings | None) -> bool:
    """Whether a task's records say which of them belong together, such as the questions on one database."""
    return CONVERTERS[task].grouped if settings is None else settings.group is not None


def groupings(task: str, settings: TableSettings | None) -> dict[str, Grouping]:
    """The groupings of a task's records, by name; a table's are its columns `domain` and `group`, where it has any."""
    if settings is None:
        return dict(CONVERTERS[task].by)
    return {name: Grouping(name) for name in ("domain", "group") if getattr(settings, name) is not None}


def choices(task: str, settings: TableSettings | None) -> Choices | None:
    """Whether a task's outputs are chosen: among the `same` answers in every record, or among each record's `own`."""
    if settings is None:
        return CONVERTERS[task].choices
    if settings.choices is None:
        return None
    return "own" if any("{" in text for text in settings.choices) else "same"
