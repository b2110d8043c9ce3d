import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.loading.order import SampleOrder


def _epoch(order: SampleOrder, epoch: int = 0) -> tuple[np.ndarray, np.ndarray]:
    return order.at(epoch, np.arange(len(order)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=2, max_size=60, unique=True), st.integers(0, 9))
def test_an_epoch_has_every_row_once(rows: list[int], epoch: int) -> None:
    order = SampleOrder(np.array(rows), 501, None, 3)
    drawn, keys = _epoch(order, epoch)
    assert sorted(drawn.tolist()) == sorted(rows)
    assert (keys == drawn).all()


WEIGHTS = st.lists(
    st.one_of(st.just(0.0), st.floats(0.01, 50), st.floats(1e-9, 1e9)), min_size=2, max_size=40
).filter(lambda weights: sum(weights) > 0)


@settings(max_examples=150, deadline=None)
@given(WEIGHTS, st.integers(0, 9), st.integers(0, 2**62))
def test_a_row_is_drawn_as_often_as_its_weight_says(
    weights: list[float], epoch: int, seed: int
) -> None:
    n = len(weights)
    drawn, keys = _epoch(SampleOrder(np.arange(n), n, np.array(weights), seed), epoch)
    counts = np.bincount(drawn, minlength=n)
    expected = np.array(weights) / sum(weights) * n
    assert counts.sum() == n
    assert (np.abs(counts - expected) < 1 + 1e-6).all()
    assert (counts[np.array(weights) == 0] == 0).all()
    assert (keys % n == drawn).all()
    # The copies of a row are 0, 1, 2 and so on, each once.
    assert sorted(keys.tolist()) == sorted(
        row + copy * n for row in range(n) for copy in range(counts[row])
    )


def test_over_the_epochs_a_row_is_drawn_in_proportion() -> None:
    weights = np.tile([0.3, 1.1, 0.3, 2.4], 16)
    order = SampleOrder(np.arange(64), 64, weights, 0)
    drawn = np.concatenate([_epoch(order, epoch)[0] for epoch in range(600)])
    # A rounding has a standard error of at most 0.5 / sqrt(600) = 0.02.
    assert np.bincount(drawn) / 600 == pytest.approx(weights / weights.mean(), abs=0.1)


def test_positions_are_answered_in_any_order_and_alone() -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 100)
    order = SampleOrder(np.arange(10, 60), 100, weights, 9)
    rows, keys = _epoch(order, 4)
    backwards = order.at(4, np.arange(50)[::-1])
    assert (backwards[0] == rows[::-1]).all()
    assert (backwards[1] == keys[::-1]).all()
    assert [int(order.at(4, np.array([place]))[1][0]) for place in range(50)] == keys.tolist()


def test_only_the_weights_of_the_rows_count() -> None:
    weights = np.array([9.0, 1.0, 1.0, np.inf])
    drawn, _ = _epoch(SampleOrder(np.array([1, 2]), 4, weights, 0))
    assert sorted(drawn.tolist()) == [1, 2]


def test_sums_of_a_large_set_come_out_whole() -> None:
    n = 200_000
    weights = np.random.default_rng(2).uniform(0, 3, n)
    drawn, keys = _epoch(SampleOrder(np.arange(n), n, weights, 0))
    assert len(np.unique(keys)) == n
    assert (np.abs(np.bincount(drawn, minlength=n) - weights / weights.sum() * n) < 1 + 1e-6).all()


def test_what_cannot_be_drawn_from_is_refused() -> None:
    with pytest.raises(TrainingDataError, match="at least 2"):
        SampleOrder(np.array([3]), 4, None, 0)
    for first, total in ((0.0, "0.0"), (np.inf, "inf"), (np.nan, "nan")):
        with pytest.raises(TrainingDataError, match=f"add up to {total}"):
            SampleOrder(np.array([0, 1]), 3, np.array([first, 0.0, 1.0]), 0)
