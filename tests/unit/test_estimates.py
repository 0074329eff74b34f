"""Intervals and p-values on simulated data whose truth is known, and what follows from named random parts."""

import numpy as np
import pytest
from scipy import special, stats
from simulated import (
    LEVELS,
    SPREADS,
    Records,
    estimate,
    p_values,
    rejected,
    shared_baseline,
    shared_prompt,
    shared_subset,
    spread_claims,
    two_arms,
)

from softshot.analysis.contrasts import holm
from softshot.analysis.estimate import Estimate, Sample, difference, linear, mean, share_interval

STUDIES = 300


def sample(name, values, units, *, spread=1.0, clusters=100, seed=0, records="r", grain=0.0):
    """Draws with normal replicates."""
    replicates = np.mean(values) + np.random.default_rng(seed).normal(0, spread, 500)
    folders = frozenset(f"{name}/{draw}" for draw in range(1, len(values) + 1))
    return Sample(
        name,
        dict(enumerate(values, 1)),
        frozenset((unit,) for unit in units),
        grain,
        records,
        replicates,
        clusters,
        folders,
    )


@pytest.mark.long
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    ("study", "settings"),
    [
        (two_arms, {"spread": 0.6, "other": "none"}),
        (two_arms, {"spread": 0.2, "other": "wide"}),
        (two_arms, {"spread": 0.2, "other": "none", "records": 30}),
        (shared_prompt, {"spread": 0.4}),
        (shared_baseline, {"spread": 0.4}),
        (shared_subset, {"spread": 0.4}),
        (two_arms, {"spread": 0.1, "other": "none", "clusters": 20, "cluster_spread": 1.0}),
    ],
)
def test_without_a_difference_no_more_studies_find_one_than_the_level_says(study, settings, seeds):
    # Of 300 studies at the level itself more than this come in one case of a thousand.
    bounds = [stats.binom.isf(0.001, STUDIES, level) / STUDIES for level in LEVELS]
    shares = rejected(p_values(study, STUDIES, seeds=seeds, **settings))
    assert all(share <= bound for share, bound in zip(shares, bounds, strict=True)), shares


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0])
def test_the_tails_are_no_heavier_than_they_say_where_records_are_many(seeds, ratio):
    """Normal seeds of one arm against an arm without, and the records' part from far smaller to larger."""
    rng, p = np.random.default_rng(1), []
    units = frozenset([("seed",)])
    for _ in range(6000):
        values = rng.normal(0, 1, seeds)
        replicates = rng.normal(0, ratio / seeds**0.5, 50)
        arm = Sample("a", dict(enumerate(values)), units, 0.0, "r", replicates, 10_000)
        offset = rng.normal(0, ratio / seeds**0.5)
        p.append(linear([(1.0, Estimate.of(arm)), (offset, CONSTANT)]).p)
    bounds = [stats.binom.isf(0.001, len(p), level) / len(p) for level in LEVELS]
    assert all(share <= bound for share, bound in zip(rejected(np.array(p)), bounds, strict=True))


CONSTANT = Estimate.of(Sample("one", {0: 1.0}))


@pytest.mark.long
@pytest.mark.parametrize("name", SPREADS)
def test_equal_spreads_are_called_unequal_in_about_one_study_of_twenty(name):
    rng = np.random.default_rng(7)
    p = np.array([spread_claims(rng, SPREADS[name]) for _ in range(60)])
    assert ((p < 0.05).mean(axis=0) <= stats.binom.isf(0.001, 60, 0.05) / 60).all()


@pytest.mark.long
def test_power_grows_with_the_effect_the_seeds_and_the_records():
    def power(seeds, spread, effect, records=100):
        p = p_values(two_arms, 120, seeds=seeds, spread=spread, effect=effect, records=records, other="none")
        return rejected(p)[0]

    by_effect = [power(3, 0.2, effect) for effect in (0.0, 0.5, 1.0, 2.0)]
    assert by_effect == sorted(by_effect)
    assert by_effect[-1] > 0.95
    assert power(6, 0.2, 0.5) > by_effect[1] + 0.1
    assert power(3, 0.0, 0.5, records=400) > power(3, 0.0, 0.5, records=50) + 0.2


def test_seeds_to_tell_are_the_fewest_that_would_be_beyond_chance_with_the_same_spread():
    level = 0.05 / 45
    three, bare = sample("a", [50.0, 55.0, 60.0], ["a"]), sample("b", [40.0], [])
    estimated = difference(Estimate.of(three), Estimate.of(bare))
    seeds = estimated.seeds_to_tell(level)
    assert estimated.p > level and seeds > 3

    def p_with(number):
        """The p of as many seeds with the same mean and sample variance."""
        values = np.linspace(-1, 1, number)
        values = 55 + 5 * values / values.std(ddof=1)
        return difference(Estimate.of(sample("a", values, ["a"])), Estimate.of(bare)).p

    assert p_with(seeds) < level < p_with(seeds - 1)
    assert difference(Estimate.of(bare), Estimate.of(bare)).seeds_to_tell(level) is None, "no seeds would tell these"
    assert Estimate.of(sample("a", [50.0], ["a"])).seeds_to_tell(level) is None, "nothing is known of its spread"


def test_the_interval_is_banerjees_and_p_is_the_level_at_which_it_ends_at_0():
    estimated = difference(
        Estimate.of(sample("a", [50.0, 53.0, 51.0], ["a"])), Estimate.of(sample("b", [41.0, 44.0], ["b"], seed=1))
    )
    records, one, other = estimated.parts
    assert (one.variance, one.freedom) == (pytest.approx(np.var([50, 53, 51], ddof=1) / 3), 2)
    assert (other.variance, other.freedom) == (pytest.approx(np.var([41, 44], ddof=1) / 2), 1)
    assert records.freedom == pytest.approx(1 / (1 / 99 + 1 / 499))
    t = [special.stdtrit(part.freedom, 0.025) for part in estimated.parts]
    half = sum(quantile**2 * part.variance for quantile, part in zip(t, estimated.parts, strict=True)) ** 0.5
    assert estimated.interval(0.95) == pytest.approx((estimated.value - half, estimated.value + half))
    low, high = estimated.interval(1 - estimated.p)
    assert low == pytest.approx(0, abs=1e-4) and high == pytest.approx(2 * estimated.value, abs=1e-4)


def test_a_sample_that_stands_in_several_estimates_counts_once():
    alone = Estimate.of(sample("alone", [20.0, 24.0, 25.0], ["demonstrations"]))
    moved = [Estimate.of(sample(f"m{n}", [30.0, 30.0, 30.0], [f"p{n}"], seed=n)) for n in range(4)]
    gains = mean([difference(one, alone) for one in moved])
    (part,) = [part for part in gains.parts if "demonstrations" in part.name]
    assert part.variance == pytest.approx(np.var([20, 24, 25], ddof=1) / 3)  # and not a quarter of it
    assert linear([(1.0, alone), (-1.0, alone)]).value == 0
    assert linear([(1.0, alone), (-1.0, alone)]).parts == ()


def test_draws_of_a_shared_unit_are_added_seed_by_seed():
    one = Estimate.of(sample("one", [10.0, 20.0, 30.0], ["subset", "one"]))
    other = Estimate.of(sample("other", [11.0, 21.0, 31.0], ["subset", "other"], seed=1))
    (_, seeds) = difference(one, other).parts
    assert seeds.variance == pytest.approx(0, abs=1e-12)  # what the subset adds to both cancels
    (_, seeds) = mean([one, other]).parts
    assert seeds.variance == pytest.approx(100 / 3)  # and does not shrink in their mean
    apart = [Estimate.of(sample(name, [10.0, 20.0, 30.0], [name], seed=n)) for n, name in enumerate("ab")]
    assert sum(part.variance for part in mean(apart).parts[1:]) == pytest.approx(100 / 3 / 2)


def test_seeds_that_agree_to_the_last_record_are_known_to_one_record():
    seeds = Estimate.of(sample("a", [40.0, 40.0], ["a"], grain=100 / 30, spread=0.1))
    assert seeds.parts[1].variance == pytest.approx((100 / 30) ** 2 / 12 / 2)
    none = Estimate.of(sample("b", [0.0], []))
    assert difference(seeds, none).p > 1e-3  # two seeds say no more


def test_a_difference_that_is_the_same_on_all_resamples_is_known_to_one_record():
    right, wrong = (
        Sample(name, {0: value}, frozenset(), 1.0, "r", np.full(200, value), 20)
        for name, value in (("right", 100.0), ("wrong", 0.0))
    )
    estimated = difference(Estimate.of(right), Estimate.of(wrong))
    assert estimated.error == pytest.approx(100 / 20)
    assert 0 < estimated.p < 1e-6
    assert difference(Estimate.of(right), Estimate.of(right)).p == 1.0


def test_a_single_seed_says_nothing_of_an_arm_and_one_in_which_nothing_is_random_does():
    assert Estimate.of(sample("a", [40.0], ["prompt"])).level == "records"
    assert Estimate.of(sample("a", [40.0], [])).level == "seeds and records"


def test_few_records_have_no_interval():
    arm = Estimate.of(sample("a", [40.0, 41.0], ["a"], clusters=9))
    assert np.isnan([*arm.interval(0.95), arm.p, *share_interval(arm, 0.95)]).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 50.0, 94.2, 100.0])
def test_an_interval_of_a_share_never_leaves_0_to_100_and_is_wilsons(value):
    plain = (value * (100 - value) / 40) ** 0.5
    arm = Estimate.of(
        Sample("a", {0: value}, frozenset(), 0.0, "r", np.random.default_rng(0).normal(value, plain, 200_000), 40)
    )
    low, high = share_interval(arm, 0.95)
    assert 0 <= low <= value <= high <= 100
    t = special.stdtrit(39, 0.975)
    for end in (low, high):
        if 0 < value < 100:  # both ends are a half-width of their own away
            assert abs(end - value) == pytest.approx(t * (end * (100 - end) / 40) ** 0.5, rel=0.03)
    assert share_interval(Estimate.of(sample("a", [97.0, 90.0, 99.0], ["a"], clusters=40)), 0.95)[1] < 100


def test_whole_clusters_are_resampled():
    rng = np.random.default_rng(2)
    wide, plain = (
        two_arms(np.random.default_rng(2), 2, 0.0, other="none", records=200, **clusters).parts[0].variance
        for clusters in ({"clusters": 20, "cluster_spread": 2.0}, {"cluster_spread": 0.0})
    )
    assert wide > 2 * plain
    task = Records(rng, "t", 60, clusters=12)
    task.run("a", 0, 0.0)
    assert task.replicates().clusters == 12
    assert task.replicates().estimate(("a",), [("a/0", 0)], frozenset()).parts[0].freedom < 11


def test_arms_are_paired_on_records():
    task = Records(np.random.default_rng(0), "t", 200)
    task.run("one", 0, 0.0)
    task.of["other/0"] = task.of["one/0"].copy()
    task.of["other/0"][:3, 0] = 1 - task.of["one/0"][:3, 0]
    scored = task.replicates()
    one, other = (estimate(scored, arm, [0]) for arm in ("one", "other"))
    assert difference(one, other).error < 0.5 * one.error


def test_differences_are_turned_round_where_lower_is_better():
    one, other = (Estimate.of(sample(name, [value, value + 1], [name])) for name, value in (("a", 60.0), ("b", 40.0)))
    assert difference(one, other).value == -difference(one, other, lower=True).value == 20
    assert linear([(1.0, one), (1.0, other)]).value == 101


def test_holm_is_the_textbooks():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert len(holm(np.array([]))) == 0
