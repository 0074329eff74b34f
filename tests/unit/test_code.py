"""The modules that decide a result: found by imports, all of those that a job really uses, and nothing that only talks.

python -m pytest tests/unit/test_code.py
"""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from softshot import code
from softshot.demonstrations.registry import RETRIEVERS
from softshot.methods.registry import TRAINED

PACKAGE = Path(code.__file__).parent


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that makes a package called softshot of these modules, and that `code` reads."""
    monkeypatch.setattr(code, "PACKAGE", tmp_path / "softshot")

    def write(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path / "softshot" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for cached in (code.checksum, code.modules, code._read):
            cached.cache_clear()

    yield write
    monkeypatch.undo()
    write()


STAGE = '''"""A stage."""
from softshot import one
from softshot.rooms import two as second
from softshot.errors import UserError

def main():
    """Do it."""
    from softshot.rooms.three import value  # late
    return value + 1
'''


def test_the_modules_are_those_that_are_imported_also_within_functions(package):
    package(stage=STAGE, one="import softshot.rooms.four", rooms__two="", rooms__three="value = 1", rooms__four="")
    package(rooms____init__="", unused="", errors="")
    assert code.modules("stage") == ("one", "rooms/four", "rooms/three", "rooms/two", "stage")
    assert code.modules("stage", without=("rooms",)) == ("one", "stage")


def test_a_checksum_is_of_what_the_code_says(package):
    package(stage=STAGE, one="x = 1", rooms__two="", rooms__three="value = 1", errors="")
    first = code.checksum("stage")
    for same in (
        STAGE.replace('"""Do it."""', '"""Do it well."""'),
        STAGE.replace("# late", "# later than that"),
        STAGE.replace("return value + 1", "return (\n        value + 1\n    )"),
        STAGE.replace("import UserError", "import UserError, Other"),
    ):
        package(stage=same)
        assert code.checksum("stage") == first
    for other in (
        STAGE.replace("value + 1", "value + 2"),
        STAGE.replace("value + 1", "value - 1"),
        STAGE.replace("import two as second", "import three as second"),
        STAGE.replace("    return value", "    return -value"),
    ):
        package(stage=other)
        assert code.checksum("stage") != first
    package(stage=STAGE)
    assert code.checksum("stage") == first
    package(rooms__three="value = 2")
    assert code.checksum("stage") != first
    package(rooms__three="value = 1", errors="class UserError(Exception): pass")
    assert code.checksum("stage") == first, "plumbing"


def test_what_is_chosen_by_name_counts_for_those_who_choose_it():
    assert code.retrieval("bm25") != code.retrieval("oracle")
    for kind in RETRIEVERS:
        found = code.modules("demonstrations/__main__", f"demonstrations/{RETRIEVERS[kind]}")
        assert f"demonstrations/{RETRIEVERS[kind]}" in found
    assert len({code.tuning(method) for method in TRAINED}) == len(TRAINED)
    assert code.scoring("bleu") != code.scoring("exact_match") != code.scoring("blec")
    assert code.conversion("mtop", False, "train") == code.conversion("mtop", False, "test")
    assert code.conversion("spider", False, "train") != code.conversion("spider", False, "test"), "hardness is scored"
    assert code.conversion("mtop", False, "train") != code.conversion("dart", False, "train")


@pytest.mark.parametrize("stage", ["tuning", "generation"])
@pytest.mark.parametrize("method", ["prompt-tuning", "lora"])
def test_every_module_that_a_job_imports_counts_or_is_plumbing(stage, method):
    """What Python itself imports for a job, against what the walk found."""
    module = TRAINED[method].module
    program = f"import json, sys, softshot.{stage}.__main__, softshot.methods.{module}"
    program += "; print(json.dumps([name for name in sys.modules if name.startswith('softshot.')]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {name.removeprefix("softshot.").replace(".", "/") for name in json.loads(done.stdout)}
    counted = {*code.modules(f"{stage}/__main__", f"methods/{module}"), *code.PLUMBING}
    for name in imported:
        path = PACKAGE / f"{name}.py"
        if path.is_file():
            parents = {"/".join(name.split("/")[:depth]) for depth in range(1, name.count("/") + 2)}
            assert parents & counted, f"{name} neither counts nor is plumbing"


def test_the_checksum_is_the_same_in_every_version_of_python():
    """The nodes of a syntax tree have more fields from version to version: those that say nothing are left out."""
    text: list[str] = []
    code._collect(ast.parse("def f(x: int, *rest) -> str:\n    return f'{x!r:>{rest[0]}} {1.5}'\n"), text, [])
    assert " ".join(text) == (
        "Module FunctionDef name='f' arguments arg arg='x' Name id='int' ) ) arg arg='rest' ) ) Return JoinedStr"
        " FormattedValue Name id='x' ) conversion=114 JoinedStr Constant value='>' ) FormattedValue Subscript"
        " Name id='rest' ) Constant value=0 ) ) conversion=-1 ) ) ) Constant value=' ' ) FormattedValue"
        " Constant value=1.5 ) conversion=-1 ) ) ) Name id='str' ) ) )"
    )
