"""What runs again after one change, read from Snakemake's dry run of a finished study; `changes.py` has the cases."""

import csv
import json
import os
import shutil

import pytest
import yaml
from changes import CHANGES, DOCS, STUDY, Change, documented, forget_dates, table
from conftest import Checkout

from softshot.files import PREDICTIONS, read_jsonl


@pytest.fixture
def moved(finished, tmp_path) -> Checkout:
    """The finished study in another place, to be changed; the large models are those of the first."""
    folder = tmp_path / "checkout"
    shutil.copytree(finished.folder, folder, symlinks=True, ignore=lambda place, names: {"models"} & set(names))
    for place in ("resources/models", "workflow/softshot/models"):
        shutil.copytree(finished.folder / place, folder / place, symlinks=True, copy_function=os.link)
    shutil.copytree(folder / "tiny-model", folder / "other-model")
    return Checkout(folder)


def test_the_study_ends_in_its_tables_and_report(finished):
    results = finished.folder / "results/tiny"
    assert "<html" in (results / "report.html").read_text()
    rows = list(csv.DictReader((results / "summary.tsv").open(), delimiter="\t"))
    cells = {(row["arm"], row["variant"]): row["n"] for row in rows if row["metric"] == "exact_match"}
    assert cells == {
        ("icl", "random-1"): "2",
        ("icl", "retrieved-2"): "1",
        ("pt", "tokens-3"): "2",
        ("ipt", "tokens-3_retrieved-1"): "2",
    }


def test_every_run_says_what_made_it_and_leaves_no_state(finished):
    run = finished.folder / "results/tiny/runs/tiny/mtop/ipt/tokens-3_retrieved-1/seed-2"
    note = json.loads((run / "run.json").read_text())
    who = ("tiny", "mtop", "ipt", "tokens-3_retrieved-1", "seed-2")
    assert tuple(note[key] for key in ("model", "task", "arm", "variant", "seed")) == who
    method = note["settings"]["method"]
    assert (method["name"], method["size"], note["settings"]["shots"]) == ("prompt-tuning", 3, 1)
    assert note["settings"]["tuning"]["steps"] == 3
    assert note["settings"]["generation"]["max_new_tokens"] == 8
    assert note["tuning"]["steps"] == 3
    assert note["versions"]["torch"]
    predictions = read_jsonl(run / PREDICTIONS)
    assert len(predictions) == 4
    assert all(len(prediction["demonstrations"]) == 1 for prediction in predictions)
    assert not list(finished.folder.glob("results/tiny/runs/**/.state*")), "a state is gone when its run is done"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.what)
def test_a_change_runs_exactly_what_depends_on_it(change: Change, finished, request):
    checkout = finished
    if change.touch:
        checkout = request.getfixturevalue("moved")
        change.touch(checkout.folder)
    planned = checkout.planned(change.study(), *change.arguments)
    assert {rule: len(outputs) for rule, outputs in planned.items()} == change.runs


def test_the_documentation_has_the_table_of_these_cases():
    text = DOCS.read_text()
    begin, end = documented(text)
    assert text[begin:end] == table(), "write it: python tests/workflow/changes.py"


def test_what_runs_again_belongs_to_what_changed(finished):
    """Beside how many jobs: which."""
    new_seed = finished.planned(STUDY | {"seeds": [1, 2, 3]})
    del new_seed["analyse"]
    assert all("seed-3" in output for outputs in new_seed.values() for output in outputs)
    one_arm = finished.planned(
        STUDY | {"tuning": STUDY["tuning"] | {"overrides": [{"arm": "pt", "set": {"clip": 2.0}}]}}
    )
    assert all("/pt/" in output for rule in ("tune", "generate", "score") for output in one_arm[rule])
    encoder = finished.planned(STUDY | {"demonstrations": {"encoder": "tiny"}})
    assert not any("/pt/" in output or "random-1" in output for output in encoder["generate"])


def test_a_finished_study_runs_nothing_also_in_another_place(finished, moved):
    for checkout in (finished, moved):
        assert checkout.planned() == {}
        assert "Nothing to be done" in checkout.snakemake("--cores", "1", "--dry-run").stdout


def test_the_order_of_keys_and_comments_run_nothing(finished):
    study = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in STUDY.items()}
    text = "# a comment\n" + yaml.safe_dump(dict(reversed(study.items())), sort_keys=False) + "# and another\n"
    assert finished.planned(text) == {}


def test_without_notes_and_dates_every_result_is_made_again_or_as_recorded(moved):
    """Nothing in the dates can make Snakemake take a result for one of other settings."""
    forget_dates(moved.folder)
    study = STUDY | {"methods": {"prompt-tuning": {"learning_rate": 0.5}}}
    assert len(moved.planned(study)["tune"]) == 4


def test_a_finished_change_is_finished_also_without_notes(moved):
    """After it has run again, a result's record is that of its settings: nothing is forced twice."""
    study = STUDY | {"scoring": {"metrics": {"mtop": ["exact_match"]}}}
    shutil.rmtree(moved.folder / ".snakemake")
    done = moved.snakemake("--cores", "2", study=study)
    assert done.returncode == 0, done.stderr
    assert "settings.metrics: ['exact_match', 'frame_accuracy', 'chrf'], now ['exact_match']" in done.stderr
    assert moved.planned(study) == {}
    shutil.rmtree(moved.folder / ".snakemake")
    assert moved.planned(study) == {}


def test_what_a_job_reads_is_an_input_of_it_or_of_what_made_its_inputs(finished):
    """Jobs name only the last of what they read; through the jobs that made it Snakemake follows all of it."""
    made = finished.jobs(STUDY | {"study": "again"})
    maker = {output: job for job in made for output in job.outputs}

    def behind(job) -> set[str]:
        return set(job.inputs).union(
            *(behind(maker[name]) | set(maker[name].outputs) for name in job.inputs if name in maker)
        )

    for job in made:
        read = {word for word in job.command.split() if word.startswith(("results/", "resources/models/"))}
        read = {name for name in read if name in maker and name not in job.outputs}
        assert read <= behind(job), job.command
    assert any(len(job.inputs) == 2 and "--train " in job.command for job in made)


def test_a_fault_in_the_configuration_stops_before_any_job(finished):
    done = finished.snakemake("--cores", "1", study=STUDY | {"tuning": {"patiense": 1}})
    assert done.returncode != 0
    assert "tuning.patiense: no such setting; did you mean `patience`?" in done.stderr
    assert "rule " not in done.stdout + done.stderr
