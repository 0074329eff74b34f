"""Intervals and tests on simulated data whose truth is known."""

import numpy as np
import pytest
from scipy import stats
from simulated import contrast, outcomes, rejected

from softshot.analysis.bootstrap import difference, linear, replicate
from softshot.analysis.significance import holm, randomisation


@pytest.mark.long
@pytest.mark.parametrize(("seeds", "spread"), [(2, 0.5), (3, 0.0), (3, 0.3), (3, 1.0), (5, 0.3)])
def test_without_a_difference_about_one_study_in_twenty_finds_one(seeds, spread):
    # 400 studies at a true rate of 0.05 have a standard error of 0.011; without a spread of seeds the test is careful.
    assert rejected(seeds, spread) <= 0.08
    if spread >= 0.5:
        assert rejected(seeds, spread) >= 0.015


@pytest.mark.long
def test_power_grows_with_the_effect_the_seeds_and_the_records():
    by_effect = [rejected(3, 0.2, effect, studies=150) for effect in (0.0, 0.5, 1.0, 2.0)]
    assert by_effect == sorted(by_effect)
    assert by_effect[-1] > 0.95
    assert rejected(6, 0.2, 0.5, studies=150) > by_effect[1] + 0.1
    assert rejected(3, 0.0, 0.5, records=400, studies=150) > rejected(3, 0.0, 0.5, records=50, studies=150) + 0.2


@pytest.mark.long
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng, held = np.random.default_rng(3), []
    grid = np.random.default_rng(0).normal(0, 1, (4, 200_000)) * np.array([[1], [0.5], [0.4], [0]])
    truth = 100 * float(np.diff([np.mean(1 / (1 + np.exp(-(level + grid.sum(axis=0))))) for level in (0.0, 0.8)])[0])
    for number in range(300):
        low, high = contrast(outcomes(rng, [0.8, 0.0], 3, 150, 0.4), 3, number).interval(0.95)
        held.append(low < truth < high)
    assert 0.92 <= np.mean(held) <= 1.0


def test_the_same_study_gives_the_same_numbers():
    known = outcomes(np.random.default_rng(0), [0.5, 0.0], 3, 60, 0.3)
    assert contrast(known, 3, 1).interval(0.9) == contrast(known, 3, 1).interval(0.9)


def test_arms_are_paired_on_records():
    rng = np.random.default_rng(0)
    known = outcomes(rng, [0.0, 0.0], 1, 200, 0.0)
    known.of["1-1"] = known.of["0-1"].copy()
    known.of["1-1"][:3, 0] = 1 - known.of["0-1"][:3, 0]
    found = replicate(known, ("s", "t"), 500)
    one, other = (found.arm([(f"{arm}-1", 0)]) for arm in (0, 1))
    assert difference(one, other).error < 0.5 * one.error


def test_a_single_seed_says_nothing_of_an_arm_and_seed_0_does():
    found = replicate(outcomes(np.random.default_rng(0), [0.0], 1, 60, 0.3), ("s", "t"), 200)
    assert found.arm([("0-1", 1)]).level == "records"
    assert found.arm([("0-1", 0)]).level == "seeds and records"


def test_few_records_have_no_interval():
    found = replicate(outcomes(np.random.default_rng(0), [0.0, 0.0], 2, 4, 0.3), ("s", "t"), 200)
    arm = found.arm([("0-1", 1), ("0-2", 2)])
    assert np.isnan([*arm.interval(0.95), arm.p]).all()


def test_differences_are_turned_round_where_lower_is_better():
    found = replicate(outcomes(np.random.default_rng(0), [2.0, -2.0], 2, 60, 0.3), ("s", "t"), 200)
    one, other = (found.arm([(f"{arm}-1", 1), (f"{arm}-2", 2)]) for arm in (0, 1))
    assert difference(one, other).value == -difference(one, other, lower=True).value > 0
    assert linear([(1.0, one), (1.0, other)]).value == one.value + other.value


def test_randomisation_is_that_of_scipy_where_all_swaps_are_counted():
    rng = np.random.default_rng(5)
    one, other = ((rng.random((12, 1)) < share).astype(float) for share in (0.8, 0.3))
    exact = stats.permutation_test(
        (one[:, 0], other[:, 0]),
        lambda a, b: abs(a.mean() - b.mean()),
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
    ).pvalue
    rows = [np.column_stack([found, np.ones(12)]) for found in (one, other)]
    assert randomisation(rng, "exact_match", *rows, 40_000) == pytest.approx(exact, abs=0.01)


@pytest.mark.long
def test_randomisation_rejects_as_often_as_it_says():
    rng, p = np.random.default_rng(9), []
    for _ in range(400):
        known = outcomes(rng, [0.0, 0.0], 1, 80, 0.0)
        p.append(randomisation(rng, "exact_match", known.of["0-1"], known.of["1-1"], 200))
    assert 0.015 <= np.mean(np.array(p) < 0.05) <= 0.08


def test_holm_is_the_textbooks():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert len(holm(np.array([]))) == 0
