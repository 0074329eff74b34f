"""What every section of settings has in common: strict checks, and faults that name the key and the remedy."""

import datetime
import difflib
import typing
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from softshot.errors import UserError

Positive = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Settings that belong together. Unknown keys and wrong types are errors, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


def read(section: type[Section], values: Any, where: str) -> Any:
    """Check `values` against a section and return it; every fault is listed with its key and a remedy.

    `where` names the source of the values in the message, such as `config.yaml` or `--settings`.
    """
    try:
        return section.model_validate(values)
    except ValidationError as error:
        faults = [_explain(section, fault) for fault in error.errors()]
        raise UserError("\n  ".join([f"{where} has {len(faults)} fault(s):", *faults])) from None


def _explain(section: type[Section], fault: dict) -> str:
    """One line for one fault: the key's path, what is wrong, and what would be right."""
    path = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        keys = list(_keys_at(section, fault["loc"][:-1]))
        close = difflib.get_close_matches(str(fault["loc"][-1]), keys, n=1)
        remedy = f"did you mean `{close[0]}`?" if close else f"known keys here: {', '.join(keys)}."
        return f"{path}: no such setting; {remedy}"
    if fault["type"] == "value_error":  # of several keys together
        return f"{path}: {fault['ctx']['error']}."
    remedy = ""
    if "demonstrations" in fault["loc"] and fault["type"] == "string_pattern_mismatch":
        remedy = " Write `<retriever>-<shots>` with at least one shot, such as retrieved-1 or random-3."
    elif fault["type"] == "string_type" and isinstance(fault["input"], bool):
        remedy = " YAML reads yes, no, true and false as truth values: write them in quotes."
    elif fault["type"] == "string_type" and isinstance(fault["input"], int | float | datetime.date):
        remedy = " Numbers and dates that are names stand in quotes."
    elif fault["input"] is None and fault["loc"][0] == "arms" and len(fault["loc"]) == 2:
        remedy = " To leave an arm out, empty what it has: `demonstrations: []`, or its `tokens` or `rank`."
    elif fault["input"] is None:
        remedy = " Nothing stands below this key: give it what it has, or remove it."
    elif fault["type"] == "float_type" and isinstance(fault["input"], str):
        remedy = " YAML reads 1e-5 as text: write 1.0e-5."
    return f"{path}: {fault['msg']} (you wrote {fault['input']!r}).{remedy}"


def _keys_at(section: Any, path: tuple) -> list[str]:
    """The keys of the (nested) section that `path` leads to; none where it leads to no section."""
    for part in path:
        if isinstance(section, type) and issubclass(section, Section):
            section = section.model_fields[part].annotation
        elif inner := typing.get_args(section):  # list[X], dict[Name, X], X | None
            section = inner[-1] if typing.get_origin(section) in (list, dict) else inner[0]
    return list(section.model_fields) if hasattr(section, "model_fields") else []
