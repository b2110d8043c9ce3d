from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import FaceTooSmallError
from data.face import TEMPLATE_PX, DetectedFace, RgbU8
from data.manifest import QUALITY_COLUMNS
from data.quality import Quality, measure_quality

BOX = (0.0, 0.0, 112.0, 112.0)
FACE = DetectedFace(BOX, TEMPLATE_PX, 0.875)


def noise() -> RgbU8:
    return np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)


def test_fields_are_the_manifest_columns() -> None:
    assert tuple(field.name for field in fields(Quality)) == QUALITY_COLUMNS


def test_a_flat_picture() -> None:
    quality = measure_quality(np.full((112, 112, 3), 60, np.uint8), FACE)
    assert quality.detection_score == 0.875
    assert quality.eye_distance_px == pytest.approx(35.238, abs=1e-3)
    assert quality.alignment_residual_px == pytest.approx(0, abs=1e-3)
    assert quality.brightness == pytest.approx(60)
    assert quality.sharpness == quality.contrast == pytest.approx(0)


def test_luma_weighs_green_most() -> None:
    brightness = []
    for channel in range(3):
        image = np.zeros((112, 112, 3), np.uint8)
        image[..., channel] = 255
        brightness.append(measure_quality(image, FACE).brightness)
    np.testing.assert_allclose(brightness, [76, 150, 29], atol=1)  # BT.601, as bytes


def test_contrast_of_black_and_white_halves() -> None:
    image = np.zeros((112, 112, 3), np.uint8)
    image[:56] = 255
    assert measure_quality(image, FACE).contrast == pytest.approx(127.5)


def test_blur_lowers_sharpness_and_keeps_brightness() -> None:
    image = noise()
    sharp = measure_quality(image, FACE)
    blurred = [
        measure_quality(cv2.GaussianBlur(image, (0, 0), sigma).astype(np.uint8), FACE)
        for sigma in (1.0, 2.0)
    ]
    assert sharp.sharpness > 10 * blurred[0].sharpness > 20 * blurred[1].sharpness
    assert blurred[1].brightness == pytest.approx(sharp.brightness, abs=2)


def test_only_the_face_counts(draw_face: Callable[..., Any]) -> None:
    drawing = draw_face(shape_hw=(400, 400), centre_px=(200, 200), eyes_px=35)
    face = DetectedFace(BOX, drawing.landmarks_px, 0.9)
    corner = drawing.image_rgb_u8.copy()
    corner[:60, :60] = 255
    assert measure_quality(corner, face) == measure_quality(drawing.image_rgb_u8, face)


@given(st.floats(0.2, 8), st.floats(-200, 200))
def test_eye_distance_follows_the_picture_and_residual_the_crop(scale: float, shift: float) -> None:
    landmarks = TEMPLATE_PX.copy()
    landmarks[2, 0] += 5  # a nose off by 5 crop pixels
    plain = measure_quality(noise(), DetectedFace(BOX, landmarks, 0.5))
    moved = landmarks * np.float32(scale) + np.float32(shift)
    scaled = measure_quality(noise(), DetectedFace(BOX, moved, 0.5))
    assert scaled.eye_distance_px == pytest.approx(plain.eye_distance_px * scale, rel=1e-3)
    assert scaled.alignment_residual_px == pytest.approx(plain.alignment_residual_px, rel=0.01)


def test_landmarks_on_one_point_are_refused() -> None:
    face = DetectedFace(BOX, np.full((5, 2), 50, np.float32), 0.9)
    with pytest.raises(FaceTooSmallError):
        measure_quality(noise(), face)


def test_quality_is_frozen() -> None:
    quality = measure_quality(noise(), FACE)
    with pytest.raises(FrozenInstanceError):
        quality.sharpness = 0.0  # type: ignore[misc]  # that it cannot be set is the point
