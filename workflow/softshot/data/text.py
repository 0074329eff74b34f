"""What the converters share: white space, and checked access to what a file's JSON holds."""

import json
from typing import Any

KINDS = {str: "a text", list: "a list", dict: "an object", int: "a whole number", bool: "true or false"}


def collapse(text: str) -> str:
    """The text with every run of white space as one blank, and none at its ends."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """The text in one case, with single blanks for all white space: equal for what counts as the same input."""
    return collapse(text.casefold())


def get(item: Any, key: str, kind: type) -> Any:
    """The value of a JSON object's key, of a kind of KINDS; ValueError for any other."""
    if not isinstance(item, dict):
        raise ValueError(f"not an object: {shown(item)}")
    if key not in item:
        raise ValueError(f"key `{key}` is missing")
    if not is_a(item[key], kind):
        raise ValueError(f"`{key}` is not {KINDS[kind]}: {shown(item[key])}")
    return item[key]


def is_a(value: Any, kind: type) -> bool:
    """Whether a JSON value is of a kind; true and false are no numbers."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def answer(answers: dict[Any, str], label: Any) -> str:
    """What a label stands for; ValueError for one that there is not."""
    if label not in answers:
        raise ValueError(f"the label is {shown(label)}, and none of {shown(list(answers))}")
    return answers[label]


def shown(value: Any) -> str:
    """The start of a value as JSON, for a message."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
