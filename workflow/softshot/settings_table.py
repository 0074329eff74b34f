"""`python -m softshot.settings_table`: the reference table of all settings, as Markdown (docs/settings.md)."""

import json
import typing

from softshot.sections import Section
from softshot.settings import ArmSettings, Override, RetrieverSettings, ShiftSettings, Study
from softshot.task import ArchiveSettings, HubSettings, SizeSettings, TableSettings, TaskSettings, TemplateSettings

PARTS = {
    "An arm (`arms`)": ArmSettings,
    "A task (`data.own`, `resources/tasks.yaml`)": TaskSettings,
    "A table (`table` of a task of your own)": TableSettings,
    "An archive (`archive` of a task)": ArchiveSettings,
    "A copy on the hub (`hub` of a task)": HubSettings,
    "A size (`size` of a task)": SizeSettings,
    "A template (`data.templates`, `template` of a task)": TemplateSettings,
    "A retriever (`demonstrations.retrievers`)": RetrieverSettings,
    "A domain shift (`shift`)": ShiftSettings,
    "An override (`tuning.overrides`, `generation.overrides`)": Override,
}


def rows(section: type[Section], prefix: str = "") -> list[str]:
    """One table row per setting, depth first, in the order of the source."""
    lines = []
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            lines += rows(field.annotation, f"{key}.")
            continue
        default = "" if field.is_required() else f"`{json.dumps(field.default, default=given)}`"
        limits = ", ".join(limit(constraint) for constraint in field.metadata)
        kind = type_name(field.annotation) + (f" ({limits})" if limits else "")
        lines.append(f"| `{key}` | {kind} | {default} | {field.description} |")
    return lines


def given(section: Section) -> dict:
    """What a section within a default says beyond its own defaults."""
    return section.model_dump(exclude_defaults=True)


def limit(constraint: object) -> str:
    """A limit as a reader writes it: `>= 1`, `at least 1`."""
    signs = {"ge": ">= {}", "gt": "> {}", "le": "<= {}", "lt": "< {}", "min_length": "at least {}", "pattern": "`{}`"}
    parts = [
        text.format(value) for sign, text in signs.items() if (value := getattr(constraint, sign, None)) is not None
    ]
    return ", ".join(parts).replace("|", "\\|").replace("\n", "\\n")


def type_name(annotation: typing.Any) -> str:
    """A type as a reader of YAML knows it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        parts = [
            part for constraint in arguments[1:] for part in (getattr(constraint, "metadata", None) or [constraint])
        ]
        limits = ", ".join(filter(None, map(limit, parts)))
        return f"{type_name(arguments[0])} {limits}".strip()
    if origin is typing.Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin is list:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"mapping of {type_name(arguments[0])} to {type_name(arguments[1])}"
    if arguments:  # X | None
        return " or ".join(type_name(argument) for argument in arguments)
    names = {int: "integer", float: "number", str: "text", type(None): "null", typing.Any: "any value"}
    return names.get(annotation) or annotation.__name__.lower()


def main() -> None:
    """Print the page."""
    print("# Settings\n")
    print("Every key of config.yaml. Written by `make docs` from `workflow/softshot/settings.py`, the one source.\n")
    head = "| key | type and limits | default | meaning |\n| --- | --- | --- | --- |"
    print(head, *rows(Study), sep="\n")
    for heading, section in PARTS.items():
        print(f"\n## {heading}\n\n{section.__doc__}\n")
        print(head, *rows(section), sep="\n")


if __name__ == "__main__":
    main()
