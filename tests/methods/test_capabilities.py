"""What the registry, the report and docs/methods.md say a method can do is what it does."""

import subprocess
import sys

import pytest
from cases import ALL, SIZES, adapter_of, base_for
from tiny import ROOT

from softshot.capabilities import TITLES, capabilities
from softshot.files import read_json
from softshot.methods.base import CONFIG
from softshot.methods.registry import METHODS


def test_the_page_of_methods_is_up_to_date():
    page = subprocess.run([sys.executable, "-m", "softshot.methods_page"], capture_output=True, text=True, check=True)
    assert (ROOT / "docs/methods.md").read_text(encoding="utf-8") == page.stdout, "run `make docs`"


@pytest.mark.parametrize("method", ALL)
def test_a_method_can_do_what_is_said_of_it(folder_of, tmp_path, method):
    kind, folder = METHODS[method], folder_of("llama")
    adapter = adapter_of(method, base_for(method, folder))
    adapter.save(tmp_path)
    able = capabilities(kind)
    assert able.keys() == TITLES.keys()
    assert able["peft"] == (read_json(tmp_path / CONFIG)["peft_type"] or "no")

    base = base_for(method, folder)
    kinds = [type(module) for module in base.model.modules()]
    prefix = kind.load().load(base, tmp_path)
    assert (able["merges"] != "no") == (prefix is None)
    assert kinds == [type(module) for module in base.model.modules()], "nothing stays beside the weights"
    tokens = 80 if method == "context-tuning" else SIZES["tokens"]
    held = {"context-tuning": lambda: len(prefix) <= tokens}.get(method, lambda: len(prefix) == tokens)
    assert prefix is None or held()
    assert (able["positions"] != "none") == (prefix is not None)
    assert able["nf4"].startswith("no") == (method == "full")
    if not kind.every_weight:
        adapter_of(method, base_for(method, folder, weights="nf4-dequantised"))


def test_what_trains_nothing_can_have_any_base_and_adds_nothing():
    assert capabilities(METHODS["none"]) == {"merges": "–", "peft": "–", "nf4": "yes", "positions": "none"}
