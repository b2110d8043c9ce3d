"""Crops written one by one are the array that numpy would have written."""

from pathlib import Path

import numpy as np
import pytest

from data.crops import write_crops


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
def test_crops_come_back_as_written(tmp_path: Path, count: int) -> None:
    path = tmp_path / "crops.npy"
    crops = np.random.default_rng(count).integers(0, 256, (count, 112, 112, 3), np.uint8)
    with write_crops(path) as writer:
        assert [writer.append(crop) for crop in crops] == list(range(count))
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), crops)
    assert np.load(path, mmap_mode="r").shape == crops.shape
    saved = path.with_name("saved.npy")
    np.save(saved, crops, allow_pickle=False)
    assert path.stat().st_size == saved.stat().st_size


def test_a_view_that_is_not_contiguous_is_written_as_it_looks(tmp_path: Path) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)[:, :, ::-1]
    with write_crops(tmp_path / "crops.npy") as writer:
        writer.append(crop)
    np.testing.assert_array_equal(np.load(tmp_path / "crops.npy")[0], crop)


@pytest.mark.parametrize("wrong", [np.zeros((112, 111, 3), "u1"), np.zeros((112, 112, 3), "f4")])
def test_what_is_no_crop_is_refused_and_leaves_no_file(tmp_path: Path, wrong: np.ndarray) -> None:
    with (
        pytest.raises(ValueError, match="a crop is"),
        write_crops(tmp_path / "crops.npy") as writer,
    ):
        writer.append(wrong)
    assert list(tmp_path.iterdir()) == []
