"""The configuration as files and command lines give it: nothing is lost and nothing wins without a word.

python -m pytest tests/unit/test_configfiles.py
"""

import pytest
import yaml

from softshot import configfiles
from softshot.errors import UserError


@pytest.fixture
def file(tmp_path):
    """A function that writes a configuration file."""

    def write(text: str, name: str = "study.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "tuning: {steps: 3}\nseeds: [1]\ntuning: {clip: 1.0}\n",
            "`tuning` stands there twice, in line 1 and in line 3",
        ),
        ("tuning:\n  steps: 3\n  clip: 1.0\n  steps: 4\n", "`steps` stands there twice, in line 2 and in line 4"),
        ("tuning: {steps: 3, steps: 4}\n", "`steps` stands there twice, in line 1 and in line 1"),
        ("tuning: [\n", "cannot be read"),
        ("- a\n", "holds no keys"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deep"),
    ],
)
def test_a_fault_of_a_file_is_told_with_file_and_line(file, text, told):
    path = file(text)
    with pytest.raises(UserError) as caught:
        configfiles.read(path)
    assert told in str(caught.value) and "study.yaml" in str(caught.value)


def test_a_key_may_stand_in_two_sections_and_come_with_an_anchor(file):
    path = file("base: &base {steps: 3}\ntuning: {<<: *base, clip: 1.0}\ngeneration: {<<: *base, steps: 4}\n")
    values = configfiles.read(path)
    assert values["tuning"] == {"steps": 3, "clip": 1.0} and values["generation"] == {"steps": 4}


LOW = "tuning: {steps: 9, overrides: [{arm: ipt, set: {learning_rate: 0.01, steps: 3}}]}\n"


@pytest.mark.parametrize(
    ("high", "key"),
    [
        ("methods: {prompt-tuning: {learning_rate: 0.1}}\n", "learning_rate"),
        ("tuning: {steps: 5}\n", "steps"),
    ],
)
def test_an_override_of_a_lower_file_never_wins_over_a_higher_file_unsaid(file, high, key):
    low, path = file(LOW, "base.yaml"), file(high)
    with pytest.raises(UserError, match=rf"study\.yaml: {key}: .*base\.yaml has another value for arm ipt"):
        configfiles.merged([low, path])
    said = file(high + yaml.safe_dump({"generation": {"overrides": []}}) + "seeds: [1]\n")
    with pytest.raises(UserError, match="which would win"):
        configfiles.merged([low, said])


def test_an_override_of_a_lower_file_holds_where_nothing_else_is_said(file):
    low = file(LOW, "base.yaml")
    values = configfiles.merged([low, file("tuning: {clip: 2.0}\n")])
    assert values["tuning"]["steps"] == 9 and len(values["tuning"]["overrides"]) == 1
    assert configfiles.merged([low, file("tuning: {steps: 5, overrides: []}\n")])["tuning"]["overrides"] == []


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "{learning_rate: 0.001, steps: 5, patience: null}",
        "{mtop: {input: '{input} =>', instruction: 'Say: it'}}",
        "[retrieved-1, none]",
        "{keep: true, name: '{input}', rate: 1.0e-5}",
    ],
)
def test_values_of_the_command_line_are_those_of_yaml(text):
    """Snakemake gives the numbers in lists and mappings as text."""
    as_text = yaml.load(text, Loader=yaml.loader.BaseLoader)
    assert configfiles.typed(as_text) == yaml.safe_load(text)


def test_mappings_are_merged_and_everything_else_is_replaced():
    below = {"a": {"x": 1, "y": {"z": 1}}, "b": [1, 2], "c": {"x": 1}}
    assert configfiles.merge(below, {"a": {"y": {"w": 2}}, "b": [3], "c": 5}) == {
        "a": {"x": 1, "y": {"z": 1, "w": 2}},
        "b": [3],
        "c": 5,
    }


def test_arms_are_in_the_order_of_the_highest_file(file):
    low, high = file("arms: {icl: {a: 1}, pt: {}, lora: {}}\n", "low.yaml"), file("arms: {lora: {}, icl: {a: 2}}\n")
    values = configfiles.merged([low, high])
    assert list(values["arms"]) == ["lora", "icl", "pt"] and values["arms"]["icl"] == {"a": 2}
    more = configfiles.merge(values, {"arms": {"pt": {"a": 3}, "new": {}}})  # a command line changes no order
    assert list(configfiles.in_order(more, configfiles.layers([low, high]))["arms"]) == ["lora", "icl", "pt", "new"]
    assert configfiles.in_order({"arms": ["icl"]}, [{"arms": ["icl"]}]) == {"arms": ["icl"]}


def test_pairs_of_a_command_line_lie_over_the_files(file):
    values = configfiles.merged(
        [file("seeds: [1]\ntuning: {steps: 9}\n")], ["seeds=[2]", "tuning={clip: 2.0}", "study=a=b"]
    )
    assert values == {"seeds": [2], "tuning": {"steps": 9, "clip": 2.0}, "study": "a=b"}


@pytest.mark.parametrize("pair", ["seeds", "=[1]", "seeds=[1", "tuning={steps: 1, steps: 2}"])
def test_a_pair_that_cannot_be_read_is_told(pair):
    with pytest.raises(UserError, match=r"--config|stands there twice"):
        configfiles.pairs([pair])


def test_arms_that_run_though_the_study_names_others_are_told():
    arms = {"icl": 5, "pt": 24, "lora": 2}
    [remark] = configfiles.inherited(arms, [{"arms": {"lora": {"rank": [8]}}}, {"seeds": [1], "arms": {"icl": {}}}])
    assert "pt (24 runs)." in remark and "icl" not in remark and "lora" not in remark
    assert configfiles.inherited(arms, [{"seeds": [1]}]) == [], "a study that names none wants config.yaml's"
    assert configfiles.inherited(arms, [{"arms": {label: {} for label in arms}}]) == []
