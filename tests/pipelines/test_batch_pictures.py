"""Contact sheets: pixels where they belong, equal bytes for equal crops."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.face import CROP_SIZE_PX, network_input
from pipelines.batch_pictures import (
    Examples,
    contact_sheet,
    first_examples,
    pixels_of,
    write_sheet,
)
from training.augmentation.augment import AugmentConfig
from training.loading.crop_sources import PackedCrops
from training.loading.order import SampleOrder
from training.loading.training_data import TrainingData


def _crops(count: int) -> np.ndarray:
    size = (count, CROP_SIZE_PX, CROP_SIZE_PX, 3)
    return np.random.default_rng(count).integers(0, 256, size, np.uint8)


def _examples(count: int) -> Examples:
    crops = _crops(count)
    seen = torch.from_numpy(network_input(crops)).flip(3)
    return Examples(crops, seen, [f"class {k}" for k in range(count)])


def test_network_input_turns_back_into_its_pixels() -> None:
    crops = _crops(3)
    assert (pixels_of(torch.from_numpy(network_input(crops))) == crops).all()


def test_what_is_beyond_black_and_white_is_clipped() -> None:
    seen = torch.tensor([-1.5, 1.5])[:, None, None, None].expand(2, 3, 112, 112)
    assert pixels_of(seen)[:, 0, 0].tolist() == [[0] * 3, [255] * 3]


@given(st.integers(1, 20))
def test_every_crop_stands_above_what_the_network_sees(count: int) -> None:
    examples = _examples(count)
    sheet = contact_sheet(examples)
    num_bands = -(-count // 8)
    height, width = sheet.shape[0] // num_bands, sheet.shape[1] // min(8, count)
    assert sheet.shape == (num_bands * height, min(8, count) * width, 3)
    for k in range(count):
        cell = sheet[(k // 8) * height :, (k % 8) * width :]
        untouched = cell[:CROP_SIZE_PX, :CROP_SIZE_PX]
        seen = cell[CROP_SIZE_PX : 2 * CROP_SIZE_PX, :CROP_SIZE_PX]
        assert (untouched == examples.untouched_rgb_u8[k]).all()
        assert (seen == examples.untouched_rgb_u8[k][:, ::-1]).all()
        caption = cell[2 * CROP_SIZE_PX : height, :CROP_SIZE_PX]
        assert caption.min() < 128 < caption.max()


def test_equal_examples_make_equal_files_that_hold_rgb(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_sheet(tmp_path / name, contact_sheet(_examples(5)))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    read = cv2.imread(str(tmp_path / "a.png"))
    assert read is not None
    assert (read[:, :, ::-1] == contact_sheet(_examples(5))).all()


def test_nothing_to_show_is_an_error() -> None:
    with pytest.raises(ValueError, match="no crops"):
        contact_sheet(Examples(_crops(0), torch.empty(0, 3, 112, 112), []))


def test_first_examples_are_those_of_the_first_epoch_as_augmented() -> None:
    data = TrainingData(PackedCrops(_crops(6)), np.array([0, 1, -1, 1, 0, 2]))
    order = SampleOrder(np.flatnonzero(data.labels >= 0), 6, None, seed=3)
    rows, _ = order.at(0, np.arange(5))
    mirrored = first_examples(data, order, AugmentConfig(flip_share=1.0), 9)
    assert list(mirrored.captions) == [f"class {data.labels[row]}" for row in rows]
    assert (mirrored.untouched_rgb_u8 == _crops(6)[rows]).all()
    assert (pixels_of(mirrored.seen) == _crops(6)[rows][:, :, ::-1]).all()


def test_first_examples_are_the_same_again_and_follow_the_seed() -> None:
    data = TrainingData(PackedCrops(_crops(6)), np.arange(6))
    wild = AugmentConfig(shift_px=8, brightness=0.3, blur_share=0.5, erase_share=0.5)
    sheets = [
        contact_sheet(first_examples(data, SampleOrder(np.arange(6), 6, None, seed), wild, 4))
        for seed in (3, 3, 4)
    ]
    assert (sheets[0] == sheets[1]).all()
    assert (sheets[0] != sheets[2]).any()
