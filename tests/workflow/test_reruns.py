"""What runs again after one change, read from Snakemake's dry run of a finished study; `changes.py` has the cases."""

import copy
import csv
import json
import os
import shutil

import pytest
import yaml
from changes import CHANGES, DOCS, STUDY, Change, documented, edit, forget_dates, table
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


QUICK = (  # one of each kind; the others are marked long
    *("`seeds`: a third one", "`data.limits.train`", "`methods.prompt-tuning.learning_rate`", "`generation.beams`"),
    *("`tuning.max_tokens`: memory only", "`scoring.metrics` of the task", "`analysis.title`", "one more method"),
    *("comments and docstrings edited", "a module of `softshot/engine/` edited", "`.snakemake` deleted"),
    *("the `adapter/` of a run deleted", "`tuning.json` gone, as after a tuning job that failed"),
    "`.snakemake` deleted, then `scoring.metrics`",
)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, id=change.what, marks=() if change.what in QUICK else pytest.mark.long)
        for change in CHANGES
    ],
)
def test_a_change_runs_exactly_what_depends_on_it(change: Change, finished, request):
    checkout = finished
    if change.touch:
        checkout = request.getfixturevalue("moved")
        change.touch(checkout.folder)
    arguments = list(change.arguments)
    if change.records:
        arguments += ["--forcerun", *checkout.records(change.study(), "--paths").split()]
    planned = checkout.planned(change.study(), *arguments)
    assert {rule: len(outputs) for rule, outputs in planned.items()} == change.runs


def test_the_quick_cases_are_among_them():
    assert set(QUICK) <= {change.what for change in CHANGES}


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
    turned = {key: dict(reversed(value.items())) if isinstance(value, dict) else value for key, value in STUDY.items()}
    study = dict(reversed(turned.items())) | {"arms": STUDY["arms"]}
    assert finished.planned("# a comment\n" + yaml.safe_dump(study, sort_keys=False) + "# and another\n") == {}
    # But that of the arms is the order of the tables.
    assert finished.planned(study | {"arms": turned["arms"]}).keys() == {"analyse"}


def test_without_notes_and_dates_the_records_name_what_does_not_fit(moved):
    forget_dates(moved.folder)
    assert moved.records(STUDY) == ""
    study = STUDY | {"methods": {"prompt-tuning": {"learning_rate": 0.5}}}
    lines = [line for line in moved.records(study).splitlines() if "/runs/" in line]
    assert sum("tuning.json: settings.method.settings.learning_rate: 0.0" in line for line in lines) == 4
    assert sum("run.json: settings.method.settings.learning_rate" in line for line in lines) == len(lines) - 4 == 4


@pytest.mark.long
def test_what_the_records_name_is_made_again_once(moved):
    study = STUDY | {"scoring": {"metrics": {"mtop": ["exact_match"]}}}
    shutil.rmtree(moved.folder / ".snakemake")
    paths = moved.records(study, "--paths").split()
    done = moved.snakemake("--cores", "2", "--forcerun", *paths, study=study)
    assert done.returncode == 0, done.stderr
    for _ in range(2):
        assert moved.planned(study) == {} and moved.records(study) == ""
        shutil.rmtree(moved.folder / ".snakemake")


def test_results_of_other_code_can_be_accepted_as_the_same(moved):
    edit("engine/layout.py")(moved.folder)
    study = copy.deepcopy(STUDY)
    study["tuning"]["overrides"] = [{"arm": "pt", "set": {"clip": 2.0}}]  # these runs differ in more than code
    accepted = moved.records(study, "--accept").splitlines()
    assert len(accepted) == 2 + 3 + 2, "IPT's prompts, and ICL's and IPT's predictions"
    assert not any("/pt/" in path for path in accepted)
    refused = moved.records(study)
    assert "/ipt/" not in refused and refused.count("/pt/") == 4
    assert len(moved.records(STUDY, "--accept").splitlines()) == 4
    assert "tune" in moved.planned(), "Snakemake's own notes still name the old code"
    assert moved.snakemake("--cores", "1", "--touch").returncode == 0
    assert moved.planned() == {} and moved.records(STUDY) == ""


def test_every_file_that_a_job_names_is_an_input_or_output_of_it(finished):
    planned = finished.jobs(STUDY | {"study": "again"})
    made = {output for job in planned for output in job.outputs}
    for job in planned:
        words = {word.strip("'") for word in job.command.split()}
        assert words & made <= {*job.inputs, *job.outputs}, job.command
    (tune,) = [
        job for job in planned if job.rule == "tune" and "/ipt/" in job.outputs[0] and "seed-1" in job.outputs[0]
    ]
    folder = "results/again/demonstrations/mtop/retrieved"
    assert (
        f"--train-demonstrations {folder}/train.parquet --validation-demonstrations {folder}/validation" in tune.command
    )


def test_a_fault_in_the_configuration_stops_before_any_job(finished):
    done = finished.snakemake("--cores", "1", study=STUDY | {"tuning": {"patiense": 1}})
    assert done.returncode != 0
    assert "tuning.patiense: no such setting; did you mean `patience`?" in done.stderr
    assert "rule " not in done.stdout + done.stderr
