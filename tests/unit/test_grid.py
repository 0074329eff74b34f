"""The grid of runs: every run has a place of its own, and transfers and data sizes are runs like the others.

python -m pytest tests/unit/test_grid.py
"""

from hypothesis import given
from hypothesis import strategies as st

from softshot.grid import RESERVED, Run, demonstration_folder, runs, tuners
from softshot.methods.registry import METHODS
from softshot.settings import Study

# Names as the settings allow them, and tasks that are called like the parts of a variant.
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
TASKS = NAMES | st.sampled_from(
    ["a_tokens-5", "x_tokens-5_bm25-1", "tokens-5", "from-a_tokens-1", "a_train-3", "random-1", "5", "a_", "a-1_"]
)
RETRIEVERS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED)
NUMBERS = st.integers(1, 10**6)
GROUPS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
# An arm has one method. A task is in no folder but its own, so that its name can be that of a variant.
ARMS = st.fixed_dictionaries(dict.fromkeys(["a", "b", "icl", "none", "tokens-1"], st.sampled_from(sorted(METHODS))))


@st.composite
def two_runs(draw) -> tuple[Run, Run]:
    """Two runs of a study, whole or on a part of the training records, of which some groups may be held out."""
    arms = draw(ARMS)
    adapters = {arm: draw(st.none() | st.just("/a")) if METHODS[arms[arm]].settings else None for arm in arms}
    return draw(any_run(arms, adapters)), draw(any_run(arms, adapters))


@st.composite
def any_run(draw, arms: dict[str, str], adapters: dict[str, str | None]) -> Run:
    """A run of any of these arms."""
    arm = draw(st.sampled_from(sorted(arms)))
    method = METHODS[arms[arm]]
    shown = draw(st.just((None, 0)) | st.tuples(RETRIEVERS, NUMBERS))
    return Run(
        model=draw(NAMES),
        task=draw(TASKS),
        arm=arm,
        method=arms[arm],
        size=draw(NUMBERS) if method.unit and not adapters[arm] else 0,
        retriever=shown[0],
        shots=shown[1],
        seed=draw(st.integers(0, 100)),
        source=draw(st.none() | TASKS) if method.settings and not adapters[arm] else None,
        adapter=adapters[arm],
        **draw(st.sampled_from([{}, {"train": draw(NUMBERS)}, {"without": draw(GROUPS)}])),
    )


@given(two_runs())
def test_two_runs_never_share_a_folder_nor_their_demonstrations(pair):
    one, other = pair
    if one != other:
        assert one.path != other.path
    if one.shots and other.shots and demonstration_folder(one) == demonstration_folder(other):
        facts = [(run.retriever, run.train, run.without) for run in pair]
        assert facts[0] == facts[1]


def study_of(tasks: list[str] = ("a", "b", "c"), **changes) -> Study:
    """Two seeds, one model, and of the arms only what is given; `transfer` and `data_size` are sections."""
    sections = {name: changes.pop(name) for name in ("transfer", "data_size") if name in changes}
    arms = {
        "icl": {"method": "none", "demonstrations": []},
        "pt": {"method": "prompt-tuning", "tokens": []},
        "ipt": {"method": "prompt-tuning", "tokens": [], "demonstrations": ["retrieved-1"]},
    }
    for label, values in changes.items():
        arms[label] = arms.get(label, {}) | values
    return Study(seeds=[1, 2], models={"use": ["m"]}, data={"tasks": list(tasks)}, arms=arms, **sections)


def paths(study: Study) -> list[str]:
    folders = [run.path for run in runs(study)]
    assert len(folders) == len(set(folders)), "no run is there twice"
    return folders


def test_an_arm_is_run_at_each_size_with_all_that_it_shows():
    folders = paths(
        study_of(["a"], mine={"method": "prompt-tuning", "tokens": [5, 7], "demonstrations": ["none", "bm25-2"]})
    )
    variants = ("tokens-5", "tokens-5_bm25-2", "tokens-7", "tokens-7_bm25-2")
    assert folders == [f"m/a/mine/{variant}/seed-{seed}" for variant in variants for seed in (1, 2)]


def test_a_model_that_is_shown_nothing_is_a_run():
    assert paths(study_of(["a"], icl={"demonstrations": ["none", "random-1"]})) == [
        *("m/a/icl/none/seed-0", "m/a/icl/random-1/seed-1", "m/a/icl/random-1/seed-2")
    ]


def test_an_empty_list_leaves_an_arm_out():
    assert paths(study_of(["a"], pt={"tokens": [5], "demonstrations": []})) == []


PT = {"tokens": [5]}  # so that the arm is not left out


def test_a_transfer_takes_the_adapters_of_all_other_tasks_and_brings_its_baseline():
    folders = paths(study_of(pt=PT, transfer={"arms": ["pt"], "tokens": [9]}))
    assert [path for path in folders if "/a/" in path and "/tokens-5/" not in path] == [
        "m/a/icl/retrieved-1/seed-0",
        *(f"m/a/pt/from-{source}_tokens-9_retrieved-1/seed-{seed}" for source in "bc" for seed in (1, 2)),
    ]
    assert len(folders) == 3 * (5 + 2)


def test_a_baseline_that_icl_names_is_run_once():
    icl = {"demonstrations": ["retrieved-1", "random-1"]}
    transfer = {"arms": ["pt"], "tokens": [5], "demonstrations": ["random-1", "bm25-2"], "sources": ["b"]}
    folders = paths(study_of(icl=icl, pt=PT, transfer=transfer))
    assert [path for path in folders if path.startswith("m/a/icl/")] == [
        *("m/a/icl/retrieved-1/seed-0", "m/a/icl/random-1/seed-1", "m/a/icl/random-1/seed-2", "m/a/icl/bm25-2/seed-0")
    ]
    assert "m/b/icl/bm25-2/seed-0" not in folders, "nothing is compared with it on the source itself"
    assert not any("m/b/pt/from-" in path for path in folders)


def test_an_adapter_stands_before_demonstrations_of_its_own_task_where_that_is_asked_for():
    transfer = {"arms": ["pt"], "tokens": [9], "own": True}
    own = [run for run in runs(study_of(["a"], pt=PT, transfer=transfer)) if run.source]
    assert {(run.task, run.source, run.shots) for run in own} == {("a", "a", 1)}
    assert {run.tuner.path for run in own} == {f"m/a/pt/tokens-9/seed-{seed}" for seed in (1, 2)}


def test_what_any_method_tuned_on_one_task_is_scored_on_another_without_demonstrations():
    lora = {"method": "lora", "rank": [8]}
    transfer = {"arms": ["pt", "lora"], "tokens": [5], "rank": [8], "demonstrations": ["none"], "own": True}
    folders = paths(study_of(["a", "b"], pt=PT, lora=lora, transfer=transfer))
    assert [path for path in folders if path.startswith("m/a/") and path.endswith(("-0", "-1"))] == [
        *("m/a/pt/tokens-5/seed-1", "m/a/lora/rank-8/seed-1", "m/a/icl/none/seed-0"),
        *("m/a/pt/from-b_tokens-5/seed-1", "m/a/lora/from-b_rank-8/seed-1"),
    ]


def test_a_study_of_one_task_has_no_transfer():
    assert paths(study_of(["a"], pt=PT, transfer={"arms": ["pt"], "tokens": [5]})) == [
        *("m/a/pt/tokens-5/seed-1", "m/a/pt/tokens-5/seed-2")
    ]


def test_the_adapter_of_a_run_is_its_own_or_that_of_the_source():
    study = study_of(
        icl={"demonstrations": ["bm25-1"]}, pt=PT, ipt={"tokens": [7]}, transfer={"arms": ["pt"], "tokens": [9]}
    )
    grid = {run.path: run for run in runs(study)}
    assert grid["m/a/icl/bm25-1/seed-0"].tuner is None
    own = grid["m/a/ipt/tokens-7_retrieved-1/seed-2"]
    assert own.tuner == own
    moved = grid["m/a/pt/from-b_tokens-9_retrieved-1/seed-2"]
    assert moved.tuner.path == "m/b/pt/tokens-9/seed-2" and moved.tuner not in grid.values()
    assert moved.tuner in tuners(study) and len(tuners(study)) == 3 * 3 * 2, "three tasks, three lengths, two seeds"


def test_each_data_size_is_a_run_of_every_arm_and_seed_with_demonstrations_of_its_own():
    study = study_of(
        ["a"],
        icl={"demonstrations": ["random-1"]},
        pt=PT,
        ipt={"tokens": [7]},
        data_size={
            "arms": ["icl", "pt", "ipt"],
            "train": [10, 20],
            "tokens": [5],
            "demonstrations": ["retrieved-1", "random-2"],
        },
    )
    folders = [path for path in paths(study) if "_train-10" in path]
    assert folders == [
        f"m/a/{kind}_train-10/seed-{seed}"
        for kind in (
            *("icl/retrieved-1", "icl/random-2", "pt/tokens-5"),
            *("ipt/tokens-5_retrieved-1", "ipt/tokens-5_random-2"),
        )
        for seed in (1, 2)
    ]
    shown = {demonstration_folder(run) for run in runs(study) if run.shots and run.train}
    assert shown == {
        f"{name}_train-{size}_seed-{s}" for name in ("retrieved", "random") for size in (10, 20) for s in (1, 2)
    }


def test_a_run_that_uses_no_training_record_has_no_data_size():
    study = study_of(["a"], icl={"demonstrations": ["none"]}, data_size={"arms": ["icl"], "train": [10]})
    assert paths(study) == ["m/a/icl/none/seed-0"]
