"""A second look, with equalised contrast, where the first finds nobody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.detection.base import Detector
from data.detection.config import MtcnnConfig
from data.detection.factory import open_detector
from data.detection.second_try import equalised
from data.face import RgbU8, eye_distance_px

Draw = Callable[..., Any]


@pytest.fixture(scope="module")
def once(mtcnn_folder: Path) -> Detector:
    return open_detector(mtcnn_folder, MtcnnConfig())


@pytest.fixture(scope="module")
def twice(mtcnn_folder: Path) -> Detector:
    return open_detector(mtcnn_folder, MtcnnConfig(second_try="equalised"))


def _in_the_dark(image_rgb_u8: RgbU8) -> RgbU8:
    return (image_rgb_u8 // 16).astype(np.uint8)


def test_a_face_in_the_dark_is_found_at_the_second_look(
    once: Detector, twice: Detector, draw_face: Draw
) -> None:
    drawing = draw_face((300, 300), (150, 140), 60)
    dark = _in_the_dark(drawing.image_rgb_u8)
    assert once.detect(dark) == []
    (face,) = twice.detect(dark)
    error_px = np.hypot(*(face.landmarks_px - drawing.landmarks_px).T).mean()
    assert error_px < 0.2 * eye_distance_px(drawing.landmarks_px)


def test_what_the_first_look_finds_stays(once: Detector, twice: Detector, draw_face: Draw) -> None:
    image = draw_face((300, 300), (150, 140), 60).image_rgb_u8
    (first,), (second,) = once.detect(image), twice.detect(image)
    assert (first.box_px, first.score) == (second.box_px, second.score)
    np.testing.assert_array_equal(first.landmarks_px, second.landmarks_px)


def test_batch_finds_what_single_looks_find(twice: Detector, draw_face: Draw) -> None:
    bright = draw_face((300, 300), (150, 140), 60).image_rgb_u8
    images = [_in_the_dark(bright), np.zeros((120, 90, 3), np.uint8), bright]
    batch = twice.detect_batch(images)
    assert [len(faces) for faces in batch] == [1, 0, 1]
    for image, faces in zip(images, batch, strict=True):
        alone = twice.detect(image)
        assert [(f.box_px, f.score) for f in faces] == [(f.box_px, f.score) for f in alone]


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 400, 3), (240, 320, 3)])
def test_equalised_picture_has_the_same_shape(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    before = picture.copy()
    out = equalised(picture)
    assert out.shape == shape
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)


def test_grey_stays_grey() -> None:
    ramp = np.repeat(np.linspace(0, 60, 64, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    out = equalised(ramp).astype(int)
    assert np.abs(out - out.mean(2, keepdims=True)).max() <= 1
    assert out.max() > ramp.max()
