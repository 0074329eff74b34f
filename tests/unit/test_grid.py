"""The grid of runs: every run has a place of its own, and transfers and data sizes are runs like the others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softshot.errors import UserError
from softshot.grid import RESERVED, Run, demonstration_folder, runs
from softshot.settings import Study

# Names as the settings allow them, and tasks that are called like the parts of a variant.
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
TASKS = NAMES | st.sampled_from(
    ["a_tokens-5", "x_tokens-5_bm25-1", "tokens-5", "from-a_tokens-1", "a_train-3", "random-1", "5", "a_", "a-1_"]
)
RETRIEVERS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
NUMBERS = st.integers(1, 10**6)


@st.composite
def any_run(draw) -> Run:
    """A run of any arm, whole or on a part of the training records."""
    arm = draw(st.sampled_from(["icl", "pt", "ipt", "transfer"]))
    shown = (draw(RETRIEVERS), draw(NUMBERS)) if arm != "pt" else (None, 0)
    return Run(
        model=draw(NAMES),
        task=draw(TASKS),
        arm=arm,
        tokens=0 if arm == "icl" else draw(NUMBERS),
        retriever=shown[0],
        shots=shown[1],
        seed=draw(st.integers(0, 100)),
        source=draw(TASKS) if arm == "transfer" else None,
        train=draw(st.none() | NUMBERS),
    )


@given(any_run())
def test_a_folder_names_its_run(run):
    assert Run.of(Path("results/study/runs") / run.path) == run


@given(any_run(), any_run())
def test_two_runs_never_share_a_folder_nor_their_demonstrations(one, other):
    if one != other:
        assert one.path != other.path
    if demonstration_folder(one) == demonstration_folder(other):
        assert (one.retriever, one.train) == (other.retriever, other.train)


def test_a_folder_of_no_run_is_refused():
    with pytest.raises(UserError, match="tokens25 names no variant"):
        Run.of(Path("m/t/pt/tokens25/seed-1"))


def study_of(tasks: list[str] = ("a", "b", "c"), **arms) -> Study:
    """Two seeds, one model, and of the arms only what is given."""
    nothing = {"icl": {"demonstrations": []}, "pt": {"tokens": []}, "ipt": {"tokens": []}}
    return Study(seeds=[1, 2], models={"use": ["m"]}, data={"tasks": list(tasks)}, arms=nothing | arms)


def paths(study: Study) -> list[str]:
    found = [run.path for run in runs(study)]
    assert len(found) == len(set(found)), "no run is there twice"
    return found


def test_a_transfer_takes_the_prompts_of_all_other_tasks_and_brings_its_baseline():
    found = paths(study_of(transfer={"tokens": [5]}))
    assert [path for path in found if "/a/" in path] == [
        "m/a/icl/retrieved-1/seed-0",
        *(f"m/a/transfer/from-{source}_tokens-5_retrieved-1/seed-{seed}" for source in "bc" for seed in (1, 2)),
    ]
    assert len(found) == 3 * 5


def test_a_baseline_that_icl_names_is_run_once():
    icl = {"demonstrations": ["retrieved-1", "random-1"]}
    found = paths(
        study_of(icl=icl, transfer={"tokens": [5], "demonstrations": ["random-1", "bm25-2"], "sources": ["b"]})
    )
    assert [path for path in found if path.startswith("m/a/icl/")] == [
        *("m/a/icl/retrieved-1/seed-0", "m/a/icl/random-1/seed-1", "m/a/icl/random-1/seed-2", "m/a/icl/bm25-2/seed-0")
    ]
    assert "m/b/icl/bm25-2/seed-0" not in found, "nothing is compared with it on the source itself"
    assert not any("m/b/transfer" in path for path in found)


def test_a_study_of_one_task_has_no_transfer():
    assert paths(study_of(["a"], pt={"tokens": [5]}, transfer={"tokens": [5]})) == [
        *("m/a/pt/tokens-5/seed-1", "m/a/pt/tokens-5/seed-2")
    ]


def test_the_prompt_of_a_run_is_its_own_or_that_of_the_source():
    by_arm = {run.arm: run for run in runs(study_of(ipt={"tokens": [7]}, transfer={"tokens": [5]}))}
    assert by_arm["icl"].prompt is None and not by_arm["icl"].tuned
    assert by_arm["ipt"].prompt == by_arm["ipt"] and by_arm["ipt"].tuned
    assert by_arm["transfer"].prompt.path == "m/b/pt/tokens-5/seed-2" and not by_arm["transfer"].tuned


def test_each_size_is_a_run_of_every_arm_and_seed_with_demonstrations_of_its_own():
    sizes = {"train": [10, 20], "tokens": [5], "demonstrations": ["retrieved-1", "random-2"]}
    found = paths(study_of(["a"], data_size=sizes))
    assert found[: len(found) // 2] == [
        f"m/a/{kind}_train-10/seed-{seed}"
        for kind in (
            *("icl/retrieved-1", "icl/random-2", "pt/tokens-5"),
            *("ipt/tokens-5_retrieved-1", "ipt/tokens-5_random-2"),
        )
        for seed in (1, 2)
    ]
    assert len(found) == 2 * 10
    shown = {demonstration_folder(run) for run in runs(study_of(["a"], data_size=sizes)) if run.shots}
    assert shown == {
        f"{name}_train-{size}_seed-{s}" for name in ("retrieved", "random") for size in (10, 20) for s in (1, 2)
    }
