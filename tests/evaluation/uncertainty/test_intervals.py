import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from evaluation.uncertainty.intervals import (
    Dyads,
    RateEstimate,
    fmr_estimate,
    fnmr_estimate,
    naive_wilson,
    two_sided_z,
    zero_error_bound,
)

Codes = NDArray[np.int64]


def codes(*values: int) -> Codes:
    return np.array(values, dtype=np.int64)


def flags(*values: int) -> NDArray[np.bool_]:
    return np.array(values, dtype=bool)


def test_wilson_of_ten_in_a_hundred() -> None:
    low, high = naive_wilson(10, 100, 0.95)
    # Newcombe 1998: 0.0552 to 0.1744.
    assert (low, high) == pytest.approx((0.0552, 0.1744), abs=5e-5)


def test_normal_quantile() -> None:
    assert two_sided_z(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_rule_of_three_for_one_sided_95_percent() -> None:
    assert zero_error_bound(2995, 0.9) == pytest.approx(1e-3, rel=1e-3)


def test_fnmr_by_hand() -> None:
    # Three people with 4 pairs each and 2, 1, 0 errors: p = 1/4, residuals 1, 0, -1, so
    # V = 2 / 144 and n_eff = (3 / 16) * 72 = 13.5, more than the 12 there are.
    errors = flags(1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    found = fnmr_estimate(errors, np.repeat(codes(0, 1, 2), 4))
    assert found.num_effective == 12
    assert (found.low, found.high) == pytest.approx(naive_wilson(3, 12, 0.95))
    # With 4, 1, 0, 1 errors of 4: p = 3/8, residuals 5/2, -1/2, -3/2, -1/2 with square sum 9,
    # so n_eff = (15 / 64) * 256 / 9 = 20 / 3.
    errors = flags(1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0)
    found = fnmr_estimate(errors, np.repeat(codes(0, 1, 2, 3), 4))
    assert found.num_effective == pytest.approx(20 / 3)
    assert (found.low, found.high) == pytest.approx(naive_wilson(2.5, 20 / 3, 0.95))
    assert (found.rate, found.num_errors, found.num_comparisons) == (0.375, 6, 16)


def plain_dyadic_variance(errors: NDArray[np.bool_], left: Codes, right: Codes) -> float:
    """V n^2 by the formula, in plain loops."""
    rate = errors.mean()
    by_dyad: dict[tuple[int, int], float] = {}
    by_subject: dict[int, float] = {}
    for error, i, j in zip(errors.tolist(), left.tolist(), right.tolist(), strict=True):
        key = (min(i, j), max(i, j))
        by_dyad[key] = by_dyad.get(key, 0) + error - rate
        for subject in (i, j):
            by_subject[subject] = by_subject.get(subject, 0) + error - rate
    within = sum(r * r for r in by_dyad.values())
    return float(max(sum(r * r for r in by_subject.values()) - within, within))


@settings(deadline=None)
@given(st.integers(3, 9), st.integers(10, 60), st.floats(0.1, 0.9), st.integers(0, 999))
def test_fmr_follows_the_formula(num_people: int, num: int, rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(0, num_people, num)
    right = (left + rng.integers(1, num_people, num)) % num_people
    errors = rng.random(num) < rate
    found = fmr_estimate(errors, Dyads.of(left * 7 + 100_000, right * 7 + 100_000))
    failing = {frozenset(p) for p in zip(left[errors], right[errors], strict=True)}
    passing = {frozenset(p) for p in zip(left[~errors], right[~errors], strict=True)}
    if min(len(failing), len(passing)) < 2:
        assert found.num_effective == len(failing | passing)
        return
    p = errors.mean()
    variance = plain_dyadic_variance(errors, left, right)
    expected = num if variance == 0 else min(num, p * (1 - p) * num**2 / variance)
    assert found.num_effective == pytest.approx(expected)


def test_which_side_a_person_is_on_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 10, 200), rng.integers(10, 20, 200)
    errors = rng.random(200) < 0.2
    swap = rng.random(200) < 0.5
    other = Dyads.of(np.where(swap, right, left), np.where(swap, left, right))
    assert fmr_estimate(errors, Dyads.of(left, right)) == fmr_estimate(errors, other)


def test_dyads_number_people_and_pairs_without_gaps() -> None:
    dyads = Dyads.of(codes(5, 900, 5, 7), codes(900, 5, 7, 900))
    assert (dyads.num_subjects, dyads.num_dyads) == (3, 3)
    assert dyads.dyad[0] == dyads.dyad[1]
    assert sorted(set(dyads.dyad.tolist())) == [0, 1, 2]


def test_without_errors_the_bound_rests_on_people_not_on_photos() -> None:
    found = fnmr_estimate(flags(*[0] * 100), np.repeat(np.arange(10), 10))
    assert (found.rate, found.low, found.num_effective) == (0, 0, 10)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert found.high_disjoint == found.high


def test_without_errors_fmr_gives_a_bound_by_pairs_of_people_and_a_gross_one() -> None:
    left, right = np.triu_indices(12, 1)
    dyads = Dyads.of(np.repeat(left, 3), np.repeat(right, 3))
    found = fmr_estimate(flags(*[0] * 198), dyads)
    assert found.num_effective == 66
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 66))
    assert found.high_disjoint == pytest.approx(1 - 0.025 ** (1 / 6))


def test_nothing_but_errors_mirrors_no_error() -> None:
    none = fnmr_estimate(flags(0, 0, 0), codes(0, 1, 2))
    every = fnmr_estimate(flags(1, 1, 1), codes(0, 1, 2))
    assert (every.low, every.high) == pytest.approx((1 - none.high, 1 - none.low))
    assert every.high_disjoint is None


def test_one_person_alone_counts_as_one() -> None:
    found = fnmr_estimate(flags(1, 0, 0, 0), codes(3, 3, 3, 3))
    assert found.num_effective == 1
    assert found.high > 0.8


def test_nothing_compared_says_nothing() -> None:
    nothing = codes()
    for found in (
        fnmr_estimate(flags(), nothing),
        fmr_estimate(flags(), Dyads.of(nothing, nothing)),
    ):
        assert (found.rate, found.low, found.high, found.num_effective) == (None, 0, 1, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=60))
def test_the_rate_is_inside_and_pairs_never_count_double(rows: list[tuple[bool, int]]) -> None:
    errors, people = zip(*rows, strict=True)
    found = fnmr_estimate(flags(*errors), codes(*people))
    assert found.rate is not None
    assert 0 <= found.low <= found.rate + 1e-12
    assert found.rate - 1e-12 <= found.high <= 1
    assert found.num_effective <= len(rows)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40))
def test_a_surer_interval_is_wider(rows: list[tuple[bool, int]]) -> None:
    errors, people = zip(*rows, strict=True)
    wide = fnmr_estimate(flags(*errors), codes(*people), 0.99)
    narrow = fnmr_estimate(flags(*errors), codes(*people), 0.9)
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high


def covers(found: RateEstimate, truth: float) -> bool:
    return found.low <= truth <= found.high


def naive_covers(found: RateEstimate, truth: float) -> bool:
    low, high = naive_wilson(found.num_errors, found.num_comparisons, 0.95)
    return low <= truth <= high


def normal_tail(z: float) -> float:
    from statistics import NormalDist

    return 1 - NormalDist().cdf(z)


def test_fmr_interval_covers_where_the_naive_one_does_not() -> None:
    # Each person is more or less alike to everybody; score = a_i + a_j + noise, 300 people.
    rng = np.random.default_rng(1)
    num_people, spread, threshold, rounds = 300, 0.35, 2.2, 400
    truth = normal_tail(threshold / (1 + 2 * spread**2) ** 0.5)
    left, right = np.triu_indices(num_people, 1)
    dyads = Dyads.of(left, right)
    found = []
    for _ in range(rounds):
        alike = rng.normal(0, spread, num_people)
        scores = alike[left] + alike[right] + rng.normal(size=len(left))
        found.append(fmr_estimate(scores >= threshold, dyads))
    clustered = np.mean([covers(f, truth) for f in found])
    naive = np.mean([naive_covers(f, truth) for f in found])
    assert clustered >= 0.93
    assert naive < 0.85


def test_fnmr_interval_covers_where_the_naive_one_does_not() -> None:
    # Each person is more or less easy to recognise; 300 people with 15 genuine pairs each.
    rng = np.random.default_rng(2)
    num_people, num_pairs, spread, threshold, rounds = 300, 15, 0.8, 2.6, 400
    truth = normal_tail(threshold / (1 + spread**2) ** 0.5)
    people = np.repeat(np.arange(num_people), num_pairs)
    found = []
    for _ in range(rounds):
        hard = rng.normal(0, spread, num_people)[people]
        found.append(fnmr_estimate(hard + rng.normal(size=len(people)) >= threshold, people))
    clustered = np.mean([covers(f, truth) for f in found])
    naive = np.mean([naive_covers(f, truth) for f in found])
    assert clustered >= 0.9
    assert naive < 0.85
