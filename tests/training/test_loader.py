from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.loader import Batch, CropLoader, open_crops


def _loader(rows: list[int], batch_size: int, seed: int = 0) -> CropLoader:
    crops = np.arange(60, dtype=np.uint8)[:, None, None, None].repeat(112, 1)
    crops = np.broadcast_to(crops, (60, 112, 112, 3))
    return CropLoader(crops, np.arange(60) * 10, np.array(rows), batch_size, seed)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.integers(0, 59), min_size=2, max_size=30, unique=True),
    batch_size=st.integers(2, 40),
    epoch=st.integers(0, 5),
)
def test_an_epoch_is_whole_batches_of_distinct_rows(
    rows: list[int], batch_size: int, epoch: int
) -> None:
    loader = _loader(rows, batch_size)
    batches = list(loader.epoch(epoch))
    size = min(batch_size, len(rows))
    seen = [int(row) for batch in batches for row in batch.rows]
    assert len(batches) == loader.num_batches == len(rows) // size
    assert all(len(batch.rows) == size == loader.batch_size for batch in batches)
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(rows)


def test_batch_carries_the_crops_and_labels_of_its_rows() -> None:
    for batch in _loader(list(range(10, 30)), 6).epoch(0):
        assert batch.crops_rgb_u8.shape == (6, 112, 112, 3)
        assert batch.crops_rgb_u8.dtype == np.uint8
        assert (batch.crops_rgb_u8[:, 5, 7, 1] == batch.rows).all()
        assert (batch.labels == batch.rows * 10).all()


def test_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        loader = _loader(list(range(60)), 20, seed)
        return [int(row) for batch in loader.epoch(epoch) for row in batch.rows]

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def _weighted(weights: list[float], epoch: int = 0, seed: int = 0) -> list[Batch]:
    crops = np.broadcast_to(np.uint8(0), (len(weights), 112, 112, 3))
    rows = np.arange(len(weights))
    return list(CropLoader(crops, rows * 10, rows, 2, seed, np.array(weights)).epoch(epoch))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 50), min_size=2, max_size=30), st.integers(0, 9))
def test_a_row_is_drawn_as_often_as_its_weight_says(weights: list[float], epoch: int) -> None:
    even = len(weights) // 2 * 2  # the last, short batch of an epoch is left out
    batches = _weighted(weights[:even], epoch)
    keys = np.concatenate([batch.keys for batch in batches])
    counts = np.bincount(np.concatenate([batch.rows for batch in batches]), minlength=even)
    expected = np.array(weights[:even]) / sum(weights[:even]) * even
    assert counts.sum() == even
    assert (np.abs(counts - expected) < 1 + 1e-6).all()
    assert len(set(keys.tolist())) == even
    assert (keys % even == np.concatenate([batch.rows for batch in batches])).all()


def test_over_the_epochs_a_row_is_drawn_in_proportion() -> None:
    drawn = np.concatenate(
        [b.rows for epoch in range(2000) for b in _weighted([0.3, 1.0, 0.3, 2.4], epoch)]
    )
    # 2,000 epochs of 4; a rounding has a standard error of at most 0.5 / sqrt(2,000) = 0.011.
    assert np.bincount(drawn) / 2000 == pytest.approx([0.3, 1.0, 0.3, 2.4], abs=0.05)


def test_equal_weights_take_every_row_once_in_an_order_of_the_epoch() -> None:
    def rows(epoch: int) -> list[int]:
        return [int(row) for batch in _weighted([3.0] * 8, epoch) for row in batch.rows]

    assert sorted(rows(0)) == list(range(8))
    assert rows(1) == rows(1) != rows(0)


def test_without_weights_the_order_is_that_of_a_permutation() -> None:
    """The order that models were trained in before there were weights."""
    rows = np.arange(10, 30)
    expected = np.random.default_rng([5, 3]).permutation(rows)
    drawn = np.concatenate([b.rows for b in _loader(rows.tolist(), 4, 5).epoch(3)])
    assert drawn.tolist() == expected.tolist()


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, float("nan")], [0.0, 0.0]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    crops, rows = np.zeros((2, 112, 112, 3), np.uint8), np.arange(2)
    with pytest.raises(TrainingDataError, match="weights"):
        CropLoader(crops, rows, rows, 2, 0, np.array(weights))


def test_one_crop_is_too_few() -> None:
    with pytest.raises(TrainingDataError, match="at least 2"):
        _loader([3], 4)


def test_open_crops_maps_the_file(tmp_path: Path) -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    np.save(tmp_path / "crops_rgb_u8.npy", crops)
    opened = open_crops(tmp_path / "crops_rgb_u8.npy")
    assert isinstance(opened, np.memmap)
    assert (opened == crops).all()


def test_open_crops_refuses_what_is_no_crops(tmp_path: Path) -> None:
    path = tmp_path / "crops_rgb_u8.npy"
    with pytest.raises(TrainingDataError, match="align"):
        open_crops(path)
    np.save(path, np.zeros((2, 112, 112, 3), np.float32))
    with pytest.raises(TrainingDataError, match="float32"):
        open_crops(path)
    np.save(path, np.zeros((2, 96, 112, 3), np.uint8))
    with pytest.raises(TrainingDataError, match="96"):
        open_crops(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(TrainingDataError):
        open_crops(path)
    np.save(path, np.zeros((9, 112, 112, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TrainingDataError):
        open_crops(path)
