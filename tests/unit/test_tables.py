"""Every table of the findings is written by the rule, has a caption in Snakemake's report, and is explained."""

import re
from dataclasses import fields

from tiny import ROOT

from softshot.analysis.findings import Findings

TABLES = [field.name for field in fields(Findings)]


def test_the_rule_names_every_table():
    rule = (ROOT / "workflow/rules/analysis.smk").read_text(encoding="utf-8")
    named = re.findall(r'(\w+)=in_report\("(\w+)\.tsv", "[^"]+"\)', rule)
    assert all(output == name for output, name in named)
    assert sorted(name for _, name in named) == sorted(TABLES)


def test_every_table_has_a_caption():
    captions = ROOT / "workflow/report/captions"
    assert set(TABLES) <= {path.stem for path in captions.glob("*.rst")}
    assert all(path.read_text(encoding="utf-8").strip() for path in captions.glob("*.rst"))


def test_the_documentation_lists_every_table():
    text = (ROOT / "docs/analysis.md").read_text(encoding="utf-8")
    listed = text.partition("| table | question |\n")[2].partition("\n\n")[0]  # other tables are of columns
    rows = [line.split("|")[1] for line in listed.splitlines()]
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(TABLES)
