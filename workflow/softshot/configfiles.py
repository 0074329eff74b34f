"""The configuration as files and command lines give it. Read while the Snakefile is parsed: imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from softshot.errors import UserError

OVERRIDDEN = {"tuning": ("tuning", "methods"), "generation": ("generation",)}  # overrides of: sections they change


class Strict(yaml.SafeLoader):
    """YAML in which no key stands twice in a mapping, where plain YAML takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        marks: dict[str, yaml.Mark] = {}
        for key, _ in node.value:
            mark = key.start_mark
            if isinstance(key, yaml.ScalarNode) and marks.setdefault(key.value, mark).index != mark.index:
                raise UserError(
                    f"{self.name}: `{key.value}` stands there twice, in line {marks[key.value].line + 1} and in line"
                    f" {mark.line + 1}; write one section with the keys of both."
                )
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """What a configuration file says; an unreadable one, or a key that stands twice, is a UserError."""
    try:
        with path.open(encoding="utf-8") as file:
            values = yaml.load(file, Strict) or {}
    except RecursionError:
        raise UserError(f"{path} cannot be read: its lists or sections are nested too deep.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds no keys `name: value`.")
    return values


def merged(paths: Iterable[Path], given: Iterable[str] = ()) -> dict[str, Any]:
    """The configuration files, each merged over those before it, and `key=value` over them, as Snakemake does."""
    values: dict[str, Any] = {}
    files = layers(paths)
    for layer in [*files, pairs(given)]:
        values = merge(values, layer)
    return in_order(values, files)


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """What `--config key=value ...` says; values are YAML."""
    values = {}
    for pair in given:
        key, equals, text = pair.partition("=")
        if not (key and equals):
            raise UserError(f"--config {pair}: write `key=value`, such as 'seeds=[1, 2]'.")
        try:
            values[key] = yaml.load(text, Strict)
        except yaml.YAMLError as error:
            raise UserError(f"--config {pair}: {error}") from None
    return values


def in_order(values: dict[str, Any], files: list[dict[str, Any]]) -> dict[str, Any]:
    """The merged values with the arms in the order of the highest file, then of those below it: tables have it."""
    arms, layered = values.get("arms"), [layer["arms"] for layer in reversed(files) if layer.get("arms")]
    if not all(isinstance(section, Mapping) for section in (arms, *layered)):
        return values  # a fault, which is told where sections are checked
    named = [label for section in layered for label in section]
    return values | {"arms": {label: arms[label] for label in dict.fromkeys([*named, *arms]) if label in arms}}


def layers(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """What the configuration files say, the first one lowest.

    Raises UserError where an override of a lower file would win over what a higher file says for all runs.
    """
    below: list[tuple[Path, dict]] = []
    for path in paths:
        values = read(path)
        for lower, under in below:
            _check_overrides(lower, under, path, values)
        below.append((path, values))
    return [values for _, values in below]


def inherited(arms: Mapping[str, int], given: Iterable[Mapping[str, Any]]) -> list[str]:
    """A remark on arms that run (`arms`: how many runs each has) though what was given names others and not them."""
    labels = {label for values in given for label in values.get("arms") or {}}
    others = [f"{label} ({number} runs)" for label, number in arms.items() if label not in labels]
    if not (labels and others):
        return []
    return [
        f"arms of config.yaml that your study does not name run too: {', '.join(others)}. An empty list leaves one out:"
        " its `tokens: []`, `rank: []` or `demonstrations: []`."
    ]


def _check_overrides(lower: Path, under: dict[str, Any], upper: Path, over: dict[str, Any]) -> None:
    for section, changed in OVERRIDDEN.items():
        overrides = (under.get(section) or {}).get("overrides") or []
        if not overrides or "overrides" in (over.get(section) or {}):
            continue
        keys = {key for name in changed for key in _leaves(over.get(name) or {})}
        for override in overrides:
            if beaten := sorted(keys & set(override.get("set") or {})):
                where = ", ".join(f"{name} {value}" for name, value in override.items() if name != "set")
                raise UserError(
                    f"{upper}: {beaten[0]}: {lower} has another value for {where or 'all runs'} in"
                    f" {section}.overrides, which would win. Say what you want in {upper.name}:"
                    f" `{section}: {{overrides: []}}` for no overrides, or your own."
                )


def _leaves(section: Mapping[str, Any]) -> Iterable[str]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        yield key


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced."""
    values = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping):
            values[key] = merge(below[key], above[key])
    return values


def typed(given: Any) -> Any:
    """Values of Snakemake's `--config`, read as YAML: it hands over what is in lists and mappings as text."""
    if isinstance(given, Mapping):
        return {key: typed(value) for key, value in given.items()}
    if isinstance(given, list):
        return [typed(value) for value in given]
    if not isinstance(given, str):
        return given
    try:
        value = yaml.safe_load(given)
    except yaml.YAMLError:
        return given
    # Lists and mappings have been read: what looks like one is text, such as a template.
    return value if isinstance(value, int | float | None) else given
