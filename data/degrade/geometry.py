"""The same face elsewhere in the picture: mirrored, shifted, nearer or further away."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change
from data.degrade.face_frame import FaceFrame
from data.face import RgbU8

_LARGEST_SHIFT: Final = 0.1
"""In eye distances: 3.5 pixels of a crop."""


def mirror(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,  # noqa: ARG001 - a picture is mirrored or it is not
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Exchange left and right, as some front cameras do; at any severity above 0."""
    matrix = np.array([[-1.0, 0.0, image_rgb_u8.shape[1] - 1.0], [0.0, 1.0, 0.0]])
    return Change(np.ascontiguousarray(image_rgb_u8[:, ::-1]), matrix=matrix)


def shift(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Move the picture by up to a tenth of the eye distance, in a drawn direction."""
    direction = rng.uniform(0, 2 * np.pi)
    step = severity * _LARGEST_SHIFT * frame.unit_px
    matrix = np.array([[1, 0, step * np.cos(direction)], [0, 1, step * np.sin(direction)]])
    return _warped(image_rgb_u8, matrix, {"shift_px": step})


def scale(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Enlarge or shrink about the face by up to 2, which of both is drawn, on the same canvas."""
    factor = 2.0 ** (float(rng.choice([-1.0, 1.0])) * severity)
    centre = frame.landmarks_px.mean(0).astype(np.float64)
    matrix = np.column_stack([factor * np.eye(2), (1 - factor) * centre])
    return _warped(image_rgb_u8, matrix, {"factor": factor})


def _warped(image_rgb_u8: RgbU8, matrix: NDArray[np.float64], facts: dict[str, float]) -> Change:
    height, width = image_rgb_u8.shape[:2]
    moved = cv2.warpAffine(
        image_rgb_u8,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Change(moved.astype(np.uint8, copy=False), {**facts}, matrix)
