"""A picture as a single-shot network wants it: not too large, its sides whole strides."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import RgbU8


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture, shrunk if need be, in the upper left corner of a black canvas."""

    image_rgb_u8: RgbU8
    """(height, width, 3); both sides are multiples of the stride."""
    per_pixel: NDArray[np.float32]
    """How many pixels of the original one pixel of the canvas is, along x and y."""

    @classmethod
    def fit(cls, image_rgb_u8: RgbU8, max_side_px: int, multiple_px: int) -> Self:
        """Shrink a picture to a longest side of `max_side_px`, never enlarge it, and pad it."""
        height, width = image_rgb_u8.shape[:2]
        image = shrink(image_rgb_u8, max_side_px / max(height, width))
        rows, columns = image.shape[:2]
        below, right = -rows % multiple_px, -columns % multiple_px
        padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)
        per_pixel = np.array([width / columns, height / rows], np.float32)
        return cls(padded.astype(np.uint8, copy=False), per_pixel)


def resize(image: RgbU8, shape: tuple[int, ...], scale: float) -> RgbU8:
    """Scale a picture to `scale` times `shape` (height, width), at least one pixel a side."""
    size = max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))
    resized: RgbU8 = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )
    return resized


def shrink(image: RgbU8, scale: float) -> RgbU8:
    """Scale a picture down; a scale of one or more leaves it as it is."""
    return resize(image, image.shape, scale) if scale < 1 else image
