from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.uncertainty.bootstrap import (
    SubjectBootstrap,
    dyad_level_sums,
    dyad_sums,
    percentile_interval,
    person_sums,
)
from evaluation.uncertainty.intervals import Dyads, fmr_estimate, fnmr_estimate, naive_wilson

BOOTSTRAP = SubjectBootstrap(replicates=200)


def test_each_replicate_draws_as_many_people_as_there_are() -> None:
    weights = BOOTSTRAP.weights(37)
    assert weights.shape == (200, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert (weights == BOOTSTRAP.weights(37)).all()
    assert (weights != SubjectBootstrap(replicates=200, seed=1).weights(37)).any()
    # Multinomial: mean 1, variance 1 - 1/37.
    assert weights.var() == pytest.approx(1 - 1 / 37, abs=0.05)


@settings(deadline=None)
@given(st.integers(2, 9), st.integers(1, 60), st.integers(1, 4), st.integers(0, 999))
def test_sums_are_those_of_plain_loops(
    num_people: int, num: int, num_levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, (5, num_people)).astype(np.uint8)
    left, right = rng.integers(0, num_people, (2, num))
    level, amounts = rng.integers(0, num_levels, num), rng.integers(0, 99, num).astype(float)
    plain = np.zeros((5, num_levels))
    for r, i in product(range(5), range(num)):
        plain[r, level[i]] += float(weights[r, left[i]]) * float(weights[r, right[i]]) * amounts[i]
    found = dyad_level_sums(weights, left, right, level, num_levels, amounts)
    assert (found == plain).all()
    assert (dyad_sums(weights, left, right, amounts) == plain.sum(axis=1)).all()


def test_many_people_are_summed_like_few() -> None:
    # 600 people and all their pairs take the dense way, the same pairs twice in two levels too.
    left, right = np.triu_indices(600, 1)
    weights = BOOTSTRAP.weights(600)
    wide = weights.astype(float)
    expected = (wide.sum(axis=1) ** 2 - np.square(wide).sum(axis=1)) / 2
    assert (dyad_sums(weights, left, right) == expected).all()
    assert (person_sums(weights, np.arange(600.0)) == wide @ np.arange(600.0)).all()


def test_interval_is_the_wider_of_both_and_each_is_kept() -> None:
    rng = np.random.default_rng(0)
    left, right = np.triu_indices(60, 1)
    alike = rng.normal(0, 0.6, 60)
    errors = alike[left] + alike[right] + rng.normal(size=len(left)) > 2
    found = fmr_estimate(errors, Dyads.of(left, right, BOOTSTRAP))
    plain = fmr_estimate(errors, Dyads.of(left, right))
    assert found.wilson is not None
    assert found.bootstrap is not None
    assert (found.wilson.low, found.wilson.high) == (plain.low, plain.high)
    assert found.low == min(found.wilson.low, found.bootstrap.low)
    assert found.high == max(found.wilson.high, found.bootstrap.high)
    assert plain.bootstrap is None


@pytest.mark.parametrize("value", [False, True])
def test_where_the_bootstrap_says_nothing_the_exact_bound_stands(value: bool) -> None:
    errors = np.full(40, value)
    people = np.arange(40) // 4
    found = fnmr_estimate(errors, people, bootstrap=BOOTSTRAP)
    assert found == fnmr_estimate(errors, people)
    assert found.bootstrap is None
    assert (found.high if not value else 1 - found.low) == pytest.approx(1 - 0.025 ** (1 / 10))


def test_replicates_that_are_all_alike_give_no_interval() -> None:
    assert percentile_interval(np.array([0.5, 0.5, np.nan]), 0.9) is None
    assert percentile_interval(np.array([np.nan]), 0.9) is None


def test_bootstrap_covers_families_where_the_clustered_interval_alone_does_not() -> None:
    # 240 people in families of 6, siblings compared: whole families are more or less alike, so
    # that pairs fail together that share nobody. 95 % intervals, 600 samples.
    rng = np.random.default_rng(0)
    family = np.arange(240) // 6
    left, right = np.triu_indices(240, 1)
    siblings = family[left] == family[right]
    left, right = left[siblings], right[siblings]
    truth = 0.0786496  # P(N(0, 2) > 2)
    dyads = Dyads.of(left, right, SubjectBootstrap(replicates=300))
    hits = []
    for _ in range(600):
        alike = rng.normal(size=40)[family[left]]
        found = fmr_estimate(alike + rng.normal(size=len(left)) >= 2, dyads)
        assert found.wilson is not None
        low, high = naive_wilson(found.num_errors, found.num_comparisons, 0.95)
        hits.append(
            (
                found.low <= truth <= found.high,
                found.wilson.low <= truth <= found.wilson.high,
                low <= truth <= high,
            )
        )
    wider, wilson, naive = np.mean(hits, axis=0)
    assert wider >= 0.93
    assert wilson < 0.9
    assert naive < 0.75


@pytest.mark.parametrize("num_people", [120, 300])
def test_both_rates_are_covered_by_the_wider_interval(num_people: int) -> None:
    # Everybody is more or less alike to all (FMR) and more or less easy to recognise (FNMR).
    rng = np.random.default_rng(num_people)
    bootstrap = SubjectBootstrap(replicates=200)
    left, right = np.triu_indices(num_people, 1)
    dyads, people = Dyads.of(left, right, bootstrap), np.repeat(np.arange(num_people), 15)
    true_fmr = 1 - NormalDist().cdf(2.2 / (1 + 2 * 0.35**2) ** 0.5)
    true_fnmr = 1 - NormalDist().cdf(2.6 / (1 + 0.8**2) ** 0.5)
    hits = []
    for _ in range(150):
        alike, hard = rng.normal(0, 0.35, num_people), rng.normal(0, 0.8, num_people)
        scores = alike[left] + alike[right] + rng.normal(size=len(left))
        fmr = fmr_estimate(scores >= 2.2, dyads)
        missed = hard[people] + rng.normal(size=len(people)) >= 2.6
        fnmr = fnmr_estimate(missed, people, bootstrap=bootstrap)
        naive = [naive_wilson(f.num_errors, f.num_comparisons, 0.95) for f in (fmr, fnmr)]
        hits.append(
            (
                fmr.low <= true_fmr <= fmr.high,
                fnmr.low <= true_fnmr <= fnmr.high,
                naive[0][0] <= true_fmr <= naive[0][1],
                naive[1][0] <= true_fnmr <= naive[1][1],
            )
        )
    fmr_share, fnmr_share, naive_fmr, naive_fnmr = np.mean(hits, axis=0)
    assert fmr_share >= 0.93
    assert fnmr_share >= 0.9
    assert max(naive_fmr, naive_fnmr) < 0.9
