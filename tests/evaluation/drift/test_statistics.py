"""Distances between windows against scipy and plain loops; p and e against their promises."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluation.drift.categories import NamedColumn
from evaluation.drift.embeddings import EmbeddingColumn
from evaluation.drift.ordered import OrderedColumn, Values
from evaluation.drift.p_values import e_value, p_values, together
from evaluation.drift.resampling import Pool

NUMBERS = st.lists(st.integers(-8, 8), min_size=2, max_size=40)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def _ks(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    return float(stats.ks_2samp(one, other, method="asymp").statistic)


def _pool(num_current: int, num_reference: int) -> Pool:
    return Pool.of(np.zeros(num_current, np.int64), np.zeros(num_reference, np.int64))


def _observed(column: OrderedColumn | EmbeddingColumn | NamedColumn, pool: Pool) -> list[float]:
    return [float(one) for one in column.statistics(pool.observed[None])[0]]


@given(NUMBERS, NUMBERS)
def test_distances_are_those_of_scipy_with_ties_and_all(
    current: list[int], reference: list[int]
) -> None:
    here, there = np.array(current, float), np.array(reference, float)
    pool = _pool(len(here), len(there))
    column = OrderedColumn(np.concatenate([here, there]), pool, num_bins=10)
    _, ks, wasserstein = _observed(column, pool)
    assert ks == pytest.approx(_ks(here, there))
    sd = there.std() or 1.0
    assert wasserstein * sd == pytest.approx(stats.wasserstein_distance(here, there), abs=1e-9)


@given(NUMBERS, NUMBERS, st.integers(2, 10))
def test_psi_is_that_of_a_plain_loop_over_quantiles_of_the_reference(
    current: list[int], reference: list[int], num_bins: int
) -> None:
    pool = _pool(len(current), len(reference))
    values = np.array(current + reference, float)
    psi = _observed(OrderedColumn(values, pool, num_bins), pool)[0]
    assert psi == pytest.approx(_plain_psi(current, reference, num_bins))


def _plain_psi(current: list[int], reference: list[int], num_bins: int) -> float:
    def bin_of(value: int) -> int:
        below = sum(one < value for one in reference)
        return min(num_bins - 1, below * num_bins // len(reference))

    total = 0.0
    for number in range(num_bins):
        c = sum(bin_of(value) == number for value in current)
        r = sum(bin_of(value) == number for value in reference)
        p = (c + 0.5) / (len(current) + 0.5 * num_bins)
        q = (r + 0.5) / (len(reference) + 0.5 * num_bins)
        total += (p - q) * np.log(p / q)
    return total


def test_a_reference_is_weighted_to_the_sites_of_the_window(rng: np.random.Generator) -> None:
    """Weights do what repeating the rows of the rarer site would do."""
    here, busy, quiet = rng.normal(size=40), rng.normal(size=60), rng.normal(1, 1, size=20)
    sites = np.repeat([0, 1], 20), np.repeat([0, 1], [60, 20])
    weighted = Pool.of(*sites)
    _, ks, _ = _observed(OrderedColumn(np.concatenate([here, busy, quiet]), weighted, 10), weighted)
    assert ks == pytest.approx(_ks(here, [*busy, *np.tile(quiet, 3)]))
    assert weighted.num_effective == pytest.approx(1 / (60 * (0.5 / 60) ** 2 + 20 * 0.025**2))


def test_every_redrawn_window_has_the_size_and_site_mix_of_the_window(
    rng: np.random.Generator,
) -> None:
    sites = rng.integers(0, 3, 50), rng.integers(0, 3, 400)
    pool = Pool.of(*sites)
    blocks = list(pool.masks(200, rng))
    masks = np.concatenate(blocks)
    assert masks.shape == (201, 450)
    assert (masks[0] == (np.arange(450) < 50)).all()
    for site in range(3):
        assert (masks[:, pool.sites == site].sum(axis=1) == (sites[0] == site).sum()).all()
    drawn = masks[1:].mean(axis=0)
    assert 0.05 < drawn.min() < drawn.max() < 0.25  # 50 of 450, everybody as often


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_psi_without_drift_is_as_the_formula_says(n: int, rng: np.random.Generator) -> None:
    pool = _pool(n, 2000)
    column = OrderedColumn(rng.normal(size=n + 2000), pool, num_bins=10)
    redrawn = np.concatenate([column.statistics(one)[:, 0] for one in pool.masks(300, rng)])
    assert column.expected_psi() == pytest.approx(9 * (1 / n + 1 / 2000))
    assert np.mean(redrawn[1:]) == pytest.approx(column.expected_psi(), rel=0.2)


def test_missing_values_are_a_distance_of_their_own_and_no_number() -> None:
    pool = _pool(4, 8)
    values = np.array([1, 2, np.nan, np.nan, 1, 2, 1, 2, 1, 2, 1, 2], float)
    column = OrderedColumn(values, pool, num_bins=2)
    assert column.names == ("psi", "ks", "wasserstein", "missing")
    psi, ks, wasserstein, missing = _observed(column, pool)
    assert (ks, wasserstein, missing) == (0, 0, 0.5)
    assert psi == pytest.approx(0, abs=1e-3)  # what smoothing leaves


def test_names_are_apart_by_the_share_that_would_have_to_change() -> None:
    pool = _pool(4, 4)
    names = pd.Series(["match", "match", "match", None, "match", "refused", "refused", "refused"])
    assert _observed(NamedColumn(names, pool), pool) == [pytest.approx(0.75)]


def test_mmd_sees_a_spread_that_the_mean_does_not(rng: np.random.Generator) -> None:
    def unit(values: Values) -> Values:
        return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True))

    pool = _pool(150, 300)
    narrow = unit(rng.normal(size=(150, 8)) * [3, 3, 3, 3, 0.1, 0.1, 0.1, 0.1])
    narrow = np.concatenate([narrow[:75], -narrow[:75]])  # its mean is 0
    embeddings = np.concatenate([narrow, unit(rng.normal(size=(300, 8)))])
    column = EmbeddingColumn(embeddings, np.ones(450, bool), pool, 1000, rng)
    p = p_values(np.concatenate([column.statistics(one) for one in pool.masks(199, rng)]))[0]
    assert p[0] == pytest.approx(1 / 200)
    assert p[1] > 0.5


def test_one_metric_that_is_off_by_miles_is_not_drowned_by_many(rng: np.random.Generator) -> None:
    statistics = rng.normal(size=(1000, 40))
    statistics[0] = 0.0
    statistics[0, 7] = 30.0
    assert together(statistics, p_values(statistics)) == pytest.approx(1 / 1000)


def test_p_of_many_metrics_together_is_uniform_without_drift(rng: np.random.Generator) -> None:
    found = []
    for _ in range(300):
        shared = rng.normal(size=(100, 1))
        statistics = shared + rng.normal(size=(100, 12))
        found.append(together(statistics, p_values(statistics)))
    assert stats.kstest(found, "uniform").pvalue > 0.001


def test_e_values_have_a_mean_of_at_most_one_without_drift() -> None:
    every_p = np.arange(1, 1001) / 1000
    e = [e_value(float(p)) for p in every_p]
    assert np.mean(e) <= 1
    assert e == sorted(e, reverse=True)
    assert e[-1] == 0.5
