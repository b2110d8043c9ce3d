import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.loading.permutation import KeyedPermutation

SEEDS = st.integers(0, 2**63 - 1)
WEBFACE42M = 42_474_557


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 3000), seed=SEEDS, epoch=st.integers(0, 10_000))
def test_everything_goes_to_a_place_of_its_own(n: int, seed: int, epoch: int) -> None:
    order = KeyedPermutation(n, seed, epoch).at(np.arange(n))
    assert (np.sort(order) == np.arange(n)).all()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, WEBFACE42M), seed=SEEDS, data=st.data())
def test_a_position_is_answered_alone_as_among_others(
    n: int, seed: int, data: st.DataObject
) -> None:
    positions = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=20)))
    permutation = KeyedPermutation(n, seed, 3)
    together = permutation.at(positions)
    assert [int(permutation.at(positions[i : i + 1])[0]) for i in range(len(positions))] == list(
        together
    )
    assert ((together >= 0) & (together < n)).all()


@pytest.mark.parametrize("n", [WEBFACE42M, 2**25, 2**25 + 1, 2**40 + 7])
def test_large_sets_keep_positions_apart_and_inside(n: int) -> None:
    positions = np.unique(np.random.default_rng(0).integers(0, n, 200_000))
    places = KeyedPermutation(n, 5, 1).at(positions)
    assert len(np.unique(places)) == len(positions)
    assert places.min() >= 0
    assert places.max() < n
    # Means of uniform numbers: the standard error is n / sqrt(12 * 200,000).
    assert places.mean() / n == pytest.approx(0.5, abs=0.005)
    assert abs(np.corrcoef(positions, places)[0, 1]) < 0.015


def test_seed_and_epoch_give_other_orders() -> None:
    orders = {
        tuple(KeyedPermutation(50, seed, epoch).at(np.arange(50)).tolist())
        for seed, epoch in itertools.product(range(5), range(5))
    }
    assert len(orders) == 25


def _chi_square_sigmas(counts: np.ndarray, expected: float, freedom: int) -> float:
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return (chi_square - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize(("n", "num_seeds"), [(2, 100), (3, 300), (4, 720)])
def test_every_order_of_a_few_is_as_likely(n: int, num_seeds: int) -> None:
    orders = {order: 0 for order in itertools.permutations(range(n))}
    for seed in range(num_seeds):
        orders[tuple(KeyedPermutation(n, seed, 0).at(np.arange(n)).tolist())] += 1
    counts = np.array(list(orders.values()))
    assert _chi_square_sigmas(counts, num_seeds / len(orders), len(orders) - 1) < 4


@pytest.mark.parametrize("n", [37, 64])
def test_every_place_is_as_likely_and_neighbours_part(n: int) -> None:
    num_epochs = 1000
    places, steps = np.zeros((n, n)), np.zeros(n)
    for epoch in range(num_epochs):
        order = KeyedPermutation(n, 11, epoch).at(np.arange(n))
        places[np.arange(n), order] += 1
        steps += np.bincount(np.diff(order) % n, minlength=n)
    assert _chi_square_sigmas(places, num_epochs / n, (n - 1) ** 2) < 4
    assert _chi_square_sigmas(steps[1:], num_epochs, n - 2) < 4
