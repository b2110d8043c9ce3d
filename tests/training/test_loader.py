from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.loader import CropLoader, open_crops


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
