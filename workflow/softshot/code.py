"""The modules that decide each stage's result, and their checksum: an edit of one is a reason to run again.

The modules are those that a stage imports, found by following its `softshot` imports; the checksum is of their syntax
trees, so that comments, docstrings and line breaks do not count. Of what is chosen by name (a method, a metric, a
retriever, a task's converter) only the chosen one counts, and the lists of names do not: one more method re-tunes
nothing. Rules have the checksum as a parameter and results record it. Imports nothing heavy: every cluster job
parses it.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from softshot.data.registry import module
from softshot.demonstrations.registry import RETRIEVERS
from softshot.methods.registry import METHODS
from softshot.scoring.registry import METRICS

PACKAGE = Path(__file__).parent
NEUTRAL = PACKAGE.parents[1] / "resources/neutral.txt"  # a text whose loss is taken
# What no result depends on, besides what it hands over: that is in the slice, in the inputs or in another stage.
PLUMBING = (
    "arguments",  # command lines: what decides is in --settings
    "code",
    "errors",
    "files",  # whole files, or none; what is in them comes from elsewhere
    "job",
    "peak_memory",  # what is recorded of a job
    "provenance",
    *("sections", "settings", "task", "catalogue"),  # their values are in the slice
    *("data/registry", "demonstrations/registry", "methods/registry", "scoring/registry"),  # names of what is chosen
    "data/content",  # what refuses a file changes no record
    "models",  # a model's provenance, an input, says which files it has; the rest refuses
    "scoring/command",  # scores of other systems
    "tuning/state",  # what a killed job continues from: the same numbers, or none
)


def conversion(task: str, table: bool, split: str) -> str:
    """What a split's records are; of those of Spider that can be scored also how hard they are."""
    unscored = ("scoring",) if split in ("train", "held_out") else ()
    if table:
        return checksum("data/convert", without=unscored)
    return checksum("data/convert", f"data/{module(task)}", without=("data/table", *unscored))


def subsets() -> str:
    """Which records a part of the training records has."""
    return checksum("data/subsets")


def without() -> str:
    """Which records of a split are of no group that is held out."""
    return checksum("data/without")


def encoding() -> str:
    """What vectors an encoder gives."""
    return checksum("demonstrations/encode", "demonstrations/encoders", "demonstrations/embeddings")


def retrieval(kind: str) -> str:
    """What retrievers of a kind find."""
    without = ("demonstrations/encode", "demonstrations/encoders", "demonstrations/show")
    return checksum("demonstrations/__main__", f"demonstrations/{RETRIEVERS[kind]}", without=without)


def tuning(method: str) -> str:
    """What adapter a run of a method ends with."""
    return checksum("tuning/__main__", *_method(method))


def choice() -> str:
    """Which learning rate is chosen among trials."""
    return checksum("tuning/choose")


def generation(method: str) -> str:
    """What a run of a method predicts, and what it has forgotten of the neutral text."""
    return _with_files(checksum("generation/__main__", *_method(method)), NEUTRAL)


def scoring(*metrics: str) -> str:
    """What a run scores: by its task's metrics only."""
    modules = (METRICS[name].partition(":")[0].removeprefix("softshot.").replace(".", "/") for name in metrics)
    return checksum("scoring/__main__", *modules)


@functools.cache
def analysis() -> str:
    """What the tables, figures and page say."""
    return _with_files(checksum("analysis/__main__"), PACKAGE.parent / "report")


@functools.cache
def _with_files(code: str, place: Path) -> str:
    """The checksum of code and of a file that belongs to it, or of all files of a folder."""
    digest = hashlib.sha256(code.encode())
    for path in sorted(path for path in (place, *place.rglob("*")) if path.is_file()):
        digest.update(f"{path.relative_to(place)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _method(name: str) -> list[str]:
    module = METHODS[name].module
    return [f"methods/{module}"] if module else []


@functools.cache
def checksum(*roots: str, without: tuple[str, ...] = ()) -> str:
    """Of the modules that `modules` finds: their names, what they say, and what they import from one another."""
    names = modules(*roots, without=without)
    digest = hashlib.sha256()
    for name in names:
        module = _read(name)
        taken = sorted(text for text, origin in module.imported if origin in names)
        digest.update("\0".join([name, module.text, *taken, ""]).encode())
    return digest.hexdigest()[:16]


@functools.cache
def modules(*roots: str, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The modules below `softshot/` that the roots import, themselves among them, sorted: `engine/base`.

    Neither plumbing nor what is in `without` (modules, or folders of them) counts, nor what only these import.
    """
    names: set[str] = set()
    waiting = [name for root in roots if (name := _resolved(root))]
    while waiting:
        name = waiting.pop()
        left_out = any(name == place or name.startswith(f"{place}/") for place in (*PLUMBING, *without))
        if name not in names and not left_out:
            names.add(name)
            waiting += (origin for _, origin in _read(name).imported)
    return tuple(sorted(names))


class Module(NamedTuple):
    """What counts of a module."""

    text: str  # its code, without what it imports from this package
    imported: list[tuple[str, str]]  # that: the import as text, and the module which it comes from


@functools.cache
def _read(name: str) -> Module:
    """A module, without comments and docstrings."""
    imported: list[tuple[str, str]] = []
    text: list[str] = []
    _collect(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8")), text, imported)
    return Module(" ".join(text), imported)


def _collect(node: ast.AST, text: list[str], imported: list[tuple[str, str]]) -> None:
    """Add code to `text` as names of nodes and their values, without what is empty: the same in any version of Python.

    What is imported from this package goes to `imported`, also from within functions.
    """
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Import | ast.ImportFrom) and (own := list(_origins(node))):
        imported += own
        return
    text.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, ast.AST):
                if not isinstance(part, ast.expr_context):
                    _collect(part, text, imported)
            elif part is not None:
                text.append(f"{field}={part!r}")
    text.append(")")


def _origins(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """What an import takes from this package: `from engine import base as b`, and the module that it comes from."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            origin = _resolved(_place(alias.name))
        else:
            origin = _resolved(_place(f"{node.module}.{alias.name}")) or _resolved(_place(node.module or ""))
        if origin:
            yield f"{getattr(node, 'module', '')}.{alias.name} {alias.asname}", origin


def _resolved(name: str) -> str | None:
    """The module of a name such as `engine/base`, a package's its `__init__`; None where it names no module."""
    return next((place for place in (name, f"{name}/__init__") if (PACKAGE / f"{place}.py").is_file()), None)


def _place(name: str) -> str:
    """`softshot.engine.base` as `engine/base`; a name of another package is no place."""
    package, _, rest = name.partition(".")
    return rest.replace(".", "/") if package == PACKAGE.name and rest else "elsewhere"
