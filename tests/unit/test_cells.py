"""Cells by method and demonstrations, whatever arms are called: what is compared, what it says, and how it looks."""

import numpy as np
import pytest

from softshot.analysis.cells import Cell, baseline, compared, main, with_and_without
from softshot.analysis.contrasts import BETTER, EQUAL, OPEN, TRANSFER, WORSE, Contrast, Contrasts, contrasts
from softshot.analysis.estimate import Estimate, Sample
from softshot.analysis.evidence import Evidence
from softshot.analysis.names import IN_DARK, MARKS, PALETTE, Names, layout, palette_css
from softshot.analysis.transfer import gains
from softshot.methods import registry
from softshot.settings import Study

UNITS = {"prompt-tuning": "tokens", "lora": "rank", "none": None, "full": None}


@pytest.fixture(autouse=True)
def methods(monkeypatch):
    """Methods that are counted in rank, and in nothing, whether the registry has them or not."""
    tuned = registry.METHODS["prompt-tuning"]
    for name, unit in (("lora", "rank"), ("full", None)):
        method = registry.Method(title=name, about="", settings=tuned.settings, unit=unit)
        monkeypatch.setitem(registry.METHODS, name, method)


def cell(arm, method, size=0, shown="", task="dart", source=None, train=None):
    """A cell of one model."""
    retriever, _, shots = shown.partition("-")
    unit = UNITS[method]
    words = [f"from-{source}" if source else "", f"{unit}-{size}" if unit else "", shown, f"train-{train or ''}"]
    variant = "_".join(word for word in words if word and word != "train-") or "none"
    return Cell("m", task, arm, variant, method, unit, size, retriever or None, int(shots or 0), source, train)


GRID = [
    cell("show", "none", shown="random-1"),
    cell("show", "none", shown="retrieved-1"),
    cell("show", "none", shown="oracle-1"),
    *(cell("soft", "prompt-tuning", size) for size in (10, 20, 100)),
    *(cell("both", "prompt-tuning", size, "retrieved-1") for size in (20, 100)),
    *(cell("low", "lora", size, shown) for size in (4, 16, 64) for shown in ("", "retrieved-1")),
    cell("all", "full"),
    cell("soft", "prompt-tuning", 20, "retrieved-1", source="mtop"),
    cell("soft", "prompt-tuning", 20, train=50),
]


def test_one_size_of_each_arm_is_compared_whatever_it_counts():
    assert [(one.arm, one.size, one.shown) for one in compared(GRID)] == [
        ("show", 0, "random-1"),
        ("show", 0, "retrieved-1"),
        ("soft", 20, ""),  # the nearest to 25 that both arms with tokens have
        ("both", 20, "retrieved-1"),
        ("low", 4, ""),  # the nearest to 8
        ("low", 4, "retrieved-1"),
        ("all", 0, ""),
    ]
    assert {one.shown for one in main(GRID)} - {one.shown for one in compared(GRID)} == {"oracle-1"}


def test_pairs_differ_in_their_demonstrations_alone():
    pairs = {(plain.arm, plain.size, shown.arm, shown.shown) for plain, shown in with_and_without(GRID)}
    assert pairs == {
        ("soft", 20, "both", "retrieved-1"),
        ("soft", 100, "both", "retrieved-1"),
        *(("low", size, "low", "retrieved-1") for size in (4, 16, 64)),
    }


def test_a_moved_adapter_is_held_against_its_demonstrations_alone():
    (moved,) = [one for one in GRID if one.source]
    assert baseline(GRID, moved) == GRID[1]
    assert baseline(GRID[2:], moved) is None


def test_the_gain_on_its_own_task_is_no_transfer():
    pairs = [(cell("soft", "prompt-tuning", 20, "retrieved-1", source=source), GRID[1]) for source in ("mtop", "dart")]
    family = [Contrast(TRANSFER, *pair, f"gain of {pair[0].source}", 0, 0, 0, 0, OPEN) for pair in pairs]

    class Known:
        def family(self, name):
            return family if name == TRANSFER else []

    assert gains(Known()) == {("m", "dart"): ["gain of mtop"]}


def test_cells_share_what_a_seed_draws_for_both():
    own, moved = cell("soft", "prompt-tuning", 20), cell("soft", "prompt-tuning", 20, "retrieved-1", "x", "dart")
    assert own.units == moved.units  # the same adapter
    assert not own.units & cell("soft", "prompt-tuning", 10).units
    drawn = [cell("show", "none", shown=shown) for shown in ("random-1", "random-3", "retrieved-1")]
    assert drawn[0].units == drawn[1].units == {("demonstrations", "dart")} and drawn[2].units == set()
    parts = cell("show", "none", shown="retrieved-1", train=50), cell("low", "lora", 4, train=400)
    assert parts[0].units & parts[1].units == {("training records", "dart")}


@pytest.fixture
def study() -> Study:
    """A study whose arms have names of their own."""
    study = Study(arms={"show": {"method": "none"}, "soft": {"method": "prompt-tuning", "tokens": [20], "title": "P"}})
    arms = {name: study.arms["soft"].model_copy(update={"title": None}) for name in ("both", "low", "all")}
    return study.model_copy(update={"arms": study.arms | arms})


def test_words_colours_and_marks_come_from_the_study_in_its_order(study):
    names = Names(study, GRID)
    assert [names.cell(one) for one in compared(GRID)] == [
        "show, 1 random",
        "show, 1 retrieved",
        "P, 20 tokens",
        "both, 20 tokens, 1 retrieved",
        "low, rank 4",
        "low, rank 4, 1 retrieved",
        "all",
    ]
    assert names.phrase(GRID[9]) == "low with rank 4 and 1 retrieved demonstration"
    assert names.series(GRID[9]) == "low, 1 retrieved"
    assert names.cell(GRID[-2]) == "P, tuned on MTOP, 20 tokens, 1 retrieved"
    assert names.cell(GRID[-1]) == "P, 20 tokens, 50 training records"
    assert [names.colour(label) for label in study.arms] == list(PALETTE)[:5]
    assert [names.mark(label) for label in study.arms] == list(MARKS[:5])
    assert layout(GRID[6]) == "soft prompt · demonstrations · input" and layout(GRID[0]) == "demonstrations · input"
    css = palette_css(study)
    assert all(f"--arm-{place}: {light}" in css for place, light in enumerate(PALETTE))
    assert all(f"--arm-{place}: {IN_DARK[light]}" in css for place, light in enumerate(PALETTE))


def evidence_of(scores: dict[Cell, list[float]], spread=0.5) -> Evidence:
    """Evidence of a task with these scores of seeds, and records that add little."""
    estimates = {}
    for number, (one, values) in enumerate(scores.items()):
        replicates = np.mean(values) + np.random.default_rng(number).normal(0, spread, 400)
        draws = dict(enumerate(values, 1))
        estimates[one] = Estimate.of(Sample(one, draws, one.units, 0.1, "dart", replicates, 1000, frozenset([one])))

    class Known(Evidence):
        lower = False

    return Known("dart", list(GRID), {}, None, None, estimates)


def compared_pairs(study, scores, leaders=None, **spread) -> Contrasts:
    return contrasts(study, {"dart": evidence_of(scores, **spread)}, leaders or {})


def test_a_pair_is_compared_once_and_read_from_both_sides(study):
    random, soft, low = GRID[0], GRID[4], GRID[9]
    scores = {
        random: [10.0, 10.2, 10.1, 9.9, 10.0],
        soft: [40.0, 40.3, 39.9, 40.1, 40.2],
        low: [40.1, 40.2, 40, 40, 40],
    }
    found = compared_pairs(study, scores, spread=0.05)
    assert [contrast.family for contrast in found.pairs.values()] == ["main"] * 3
    assert found.of(soft, random).verdict == BETTER and found.of(random, soft).verdict == WORSE
    assert found.of(soft, random).estimate.value == -found.of(random, soft).estimate.value
    assert found.of(random, soft).low == -found.of(soft, random).high
    assert found.of(low, soft).verdict == found.of(soft, low).verdict == EQUAL
    assert found.of(low, None) is None and found.of(low, GRID[1]) is None


def test_not_shown_to_be_worse_is_not_equal(study):
    scores = {GRID[0]: [10.0, 30.0, 20.0], GRID[4]: [40.0, 20.0, 25.0]}
    assert compared_pairs(study, scores).of(GRID[4], GRID[0]).verdict == OPEN


def test_what_rests_on_a_single_seed_is_open_whatever_its_p(study):
    found = compared_pairs(study, {GRID[0]: [10.0], GRID[4]: [90.0]}).of(GRID[4], GRID[0])
    assert found.p < 1e-6 and found.verdict == OPEN


def test_another_model_does_not_change_a_verdict(study):
    scores = {
        one: [value, value + 1, value - 1] for one, value in zip(compared(GRID)[:4], (10, 20, 40, 44), strict=True)
    }
    alone = compared_pairs(study, scores)
    more = scores | {one._replace(model="n"): values for one, values in scores.items()}
    evidence = evidence_of(more)
    evidence.cells.extend([one._replace(model="n") for one in GRID])
    together = contrasts(study, {"dart": evidence}, {})
    for pair, contrast in alone.pairs.items():
        assert together.pairs[pair].p_holm == pytest.approx(contrast.p_holm)


def test_sizes_chosen_by_validation_loss_pay_for_the_choice(study):
    chosen, random = GRID[5], GRID[0]
    scores = {random: [10.0, 10.5, 9.5], chosen: [30.0, 31.0, 29.0]}
    found = compared_pairs(study, scores, {chosen: 3, random: 1}).of(chosen, random)
    assert found.family == "chosen"
    assert found.p_holm == pytest.approx(3 * found.p)
