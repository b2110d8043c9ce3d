"""The perceptual hash: the same picture in another file, and another picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.duplicates.hashing import MIRROR, NUM_BITS, distance, hash_picture
from data.face import RgbU8


def _picture(seed: int, shape_hw: tuple[int, int] = (240, 200)) -> RgbU8:
    """Soft blobs: energy at all the frequencies that are hashed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (20, 20, 3)).astype(np.uint8)
    return cv2.resize(small, shape_hw[::-1], interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def _hashed(image: RgbU8) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    words = hash_picture(image)
    assert words is not None
    return words


def _copied(image: RgbU8, scale: float, quality: int) -> RgbU8:
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", resized, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded.astype(np.uint8)


@given(seed=st.integers(0, 10_000))
def test_mirrored_picture_has_the_mirrored_hash(seed: int) -> None:
    image = _picture(seed)
    mirrored = _hashed(np.ascontiguousarray(image[:, ::-1]))
    # Rounding may turn the sign of a frequency that is all but absent.
    assert distance(_hashed(image)[None], mirrored[None] ^ MIRROR)[0] <= 2


@given(seed=st.integers(0, 10_000), quality=st.integers(40, 95), scale=st.floats(0.5, 2.0))
def test_copy_in_another_file_is_near(seed: int, quality: int, scale: float) -> None:
    image = _picture(seed)
    copy = _copied(image, scale, quality)
    assert distance(_hashed(image)[None], _hashed(copy)[None])[0] <= 20


@given(seed=st.integers(0, 10_000))
def test_other_picture_is_far(seed: int) -> None:
    there = distance(_hashed(_picture(seed))[None], _hashed(_picture(seed + 1))[None])[0]
    assert NUM_BITS / 4 < there < NUM_BITS * 3 / 4


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_picture_has_no_hash(level: int) -> None:
    assert hash_picture(np.full((90, 120, 3), level, np.uint8)) is None


def test_bits_are_the_signs_of_the_cosine_transform() -> None:
    image = _picture(3, (64, 64))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    angles = np.pi * (2 * np.arange(64) + 1) / 128
    # Row 1, column 2 of the transform by its definition; it is bit 1 of the first byte.
    frequency = np.cos(angles)[:, None] * np.cos(2 * angles)[None, :]
    expected = (grey * frequency).sum() > 0
    first_byte = _hashed(image).view(np.uint8)[0]
    assert bool(first_byte & 0b0100_0000) == expected
