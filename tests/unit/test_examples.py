"""The examples and the list of runs that the page holds as data."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic import HOSTILE, UNFINISHED, study_of, text_of, write_study

from softshot.analysis.collect import collect
from softshot.analysis.examples import examples, laid_out
from softshot.analysis.findings import find
from softshot.analysis.names import Names
from softshot.analysis.report import embedded
from softshot.analysis.report_runs import Once, run_list
from softshot.task import TemplateSettings


def shown(study, folder):
    """What the example browser holds of a study."""
    results = collect(study, folder)
    return examples(study, results, Names(study, results.cells), folder)


def test_examples_hold_what_each_arm_saw_and_wrote(half_done):
    study = study_of()
    found = shown(study, half_done[0])
    task = found["tasks"]["dart"]
    assert [record["input"] for record in task["records"]] == [text_of("test", n) for n in range(4)]
    answers = {found["runs"][answer["run"]]["place"]: answer for answer in task["records"][1]["answers"]}
    assert list(answers) == [
        "beta/dart/icl/retrieved-1/seed-0",
        "beta/dart/icl/random-1/seed-1",
        "beta/dart/pt/tokens-25/seed-1",
        "beta/dart/ipt/tokens-25_retrieved-1/seed-1",
        "alpha/dart/icl/retrieved-1/seed-0",
        "alpha/dart/icl/random-1/seed-1",
        "alpha/dart/pt/tokens-25/seed-1",
    ]  # alpha's IPT with 25 tokens is not done
    assert all(answer["right"] for answer in answers.values())  # `target  1`: white space does not count
    assert not any(answer["right"] for answer in task["records"][0]["answers"])
    assert not any(answer["stopped"] for answer in task["records"][3]["answers"])
    assert answers["beta/dart/pt/tokens-25/seed-1"]["shown"] == []
    assert answers["beta/dart/ipt/tokens-25_retrieved-1/seed-1"]["shown"] == [[0, 0.75]]
    assert task["pool"] == [[text_of("train", 3), "target 3"]]


def test_the_text_of_a_row_is_what_the_model_is_given(tiny_models):
    from softshot.engine.base import load
    from softshot.engine.layout import Layout, RowSettings

    study = study_of()
    template = {"instruction": "Say it.", "input": "Q: {input} A:", "demonstration": "<{example}>", "separator": "\n\n"}
    templates = {"dart": TemplateSettings(**template)}
    study = study.model_copy(update={"data": study.data.model_copy(update={"templates": templates})})
    shown = [{"id": "a", "input": "near", "target": "one"}, {"id": "b", "input": "far", "target": "two"}]
    for order in ("nearest-last", "nearest-first"):
        ordered = study.model_copy(update={"demonstrations": study.demonstrations.model_copy(update={"order": order})})
        settings = {"engine": study.engine.model_dump(), "template": template, "shots": 2, "order": order}
        layout = Layout(load(tiny_models["gpt2"]), RowSettings(**settings))
        context = layout.generation_row({"id": "r", "input": "this"}, shown, 8).context
        row = laid_out(ordered, "dart")
        examples = [
            row["example"][0] + one["input"] + row["example"][1] + one["target"] + row["example"][2] for one in shown
        ]
        seen = examples[::-1] if row["nearest_last"] else examples
        text = "".join([row["start"], *seen, row["question"][0], "this", row["question"][1]])
        assert text == layout.base.tokenization.decode(context)


def test_what_is_right_is_for_a_metric_to_say_where_it_judges_records(tmp_path):
    study = study_of(["icl"])
    write_study(tmp_path, study)
    judged = {"id": [f"validation-{n}" for n in range(4)], "exact_match": [[float(n == 3), 1.0] for n in range(4)]}
    for place in (tmp_path / "runs").glob("*/mtop/*/*/seed-*"):
        pq.write_table(pa.table(judged), place / "scores.parquet")
    task = shown(study, tmp_path)["tasks"]["mtop"]
    assert task["right"] == "as exact match judges it"
    assert [{answer["right"] for answer in record["answers"]} for record in task["records"]] == [{False}] * 3 + [{True}]


@pytest.mark.parametrize(("asked", "numbers"), [(1, [0]), (2, [0, 2]), (100, [0, 1, 2, 3])])
def test_examples_stand_at_even_distances_and_are_never_more_than_the_records(half_done, asked, numbers):
    study = study_of(examples=asked)
    records = shown(study, half_done[0])["tasks"]["mtop"]["records"]
    assert [record["input"] for record in records] == [text_of("validation", n) for n in numbers]


def test_the_list_of_runs_has_every_run_with_what_it_scored_and_was_made_with(half_done):
    study = study_of()
    results = collect(study, half_done[0])
    names = Names(study, results.cells)
    listed = run_list(results, names, find(study, results, half_done[0]), half_done[0])
    assert len(listed["rows"]) == 64
    assert sum(row[5] for row in listed["rows"]) == 64 - len(UNFINISHED)
    (row,) = [row for row in listed["rows"] if row[:5] == [0, 0, 1, listed["variants"].index("tokens-5"), 2]]
    model, task, arm = row[:3]
    assert [listed["models"][model], listed["tasks"][task]["name"], listed["arms"][arm]["name"]] == [
        "beta",
        "dart",
        "pt",
    ]
    assert dict(zip(listed["tasks"][task]["metrics"], row[6], strict=True)) == {"BLEU": 30, "chrF": 31}
    assert dict(zip(listed["costs"], row[7], strict=True))["trained parameters"] == 40
    assert listed["origins"][row[9]]["torch"] == "2.1"
    assert "run.json" in listed["files"][row[10]] and "history.jsonl" in listed["files"][row[10]]
    assert len(listed["origins"]) == 2  # shared by all runs


def test_a_value_that_runs_share_is_kept_once_whatever_the_order_of_its_keys():
    once = Once()
    assert [once.place(value) for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2})] == [0, 0, 1]
    assert once.values == [{"a": 1, "b": 2}, {"a": 2}]


def test_embedded_json_cannot_leave_its_element_and_says_the_same():
    value = [HOSTILE, "</script><!-- <script>", "&amp;", None, 1.5]
    text = str(embedded(value))
    assert not set("<>&") & set(text)
    assert json.loads(text) == value
