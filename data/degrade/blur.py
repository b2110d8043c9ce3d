"""Blur: a camera or a head that moves, and a lens that is out of focus.

Both sum light, not sRGB values, so highlights smear as they do in a camera. Sizes are shares of
the eye distance, so that a small photo is hurt as much as a large one.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change, Linear, to_linear, to_srgb_u8
from data.degrade.face_frame import FaceFrame
from data.face import RgbU8

_LONGEST_PATH: Final = 0.8
"""Of motion blur, in eye distances: a head turning past a door at 1/30 s."""
_LARGEST_RADIUS: Final = 0.25
"""Of the circle of confusion, in eye distances."""


def motion_blur(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Smear along a slightly bent path of a drawn direction."""
    direction, bend = rng.uniform(0, np.pi), rng.normal(0, 0.12)
    kernel = _path_kernel(severity * _LONGEST_PATH * frame.unit_px, direction, bend)
    facts = {"direction_deg": float(np.rad2deg(direction))}
    return Change(_filtered(image_rgb_u8, kernel), {**facts})


def defocus_blur(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing about a lens is drawn
) -> Change:
    """Spread each point over a disc, as an open lens does."""
    return Change(_filtered(image_rgb_u8, _disc(severity * _LARGEST_RADIUS * frame.unit_px)))


def _filtered(image_rgb_u8: RgbU8, kernel: NDArray[np.float32]) -> RgbU8:
    light: Linear = cv2.filter2D(
        to_linear(image_rgb_u8), cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE
    ).astype(np.float32, copy=False)
    return to_srgb_u8(light)


def _path_kernel(length_px: float, direction: float, bend: float) -> NDArray[np.float32]:
    """Time spent on each pixel of a path through the middle, shared between its neighbours."""
    steps = np.linspace(-0.5, 0.5, max(3, int(8 * length_px)))
    along, across = steps * length_px, bend * length_px * (4 * steps**2 - 1 / 3)
    xs = along * np.cos(direction) - across * np.sin(direction)
    ys = along * np.sin(direction) + across * np.cos(direction)
    reach = int(np.ceil(max(np.abs(xs).max(), np.abs(ys).max()))) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    left, top = np.floor(xs).astype(int), np.floor(ys).astype(int)
    for dx in (0, 1):
        for dy in (0, 1):
            shares = np.abs(1 - dx - (xs - left)) * np.abs(1 - dy - (ys - top))
            np.add.at(kernel, (top + dy + reach, left + dx + reach), shares)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _disc(radius_px: float) -> NDArray[np.float32]:
    """A disc with a soft rim, so that a radius below one pixel already counts."""
    reach = int(np.ceil(radius_px)) + 1
    ys, xs = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius_px + 0.5 - np.hypot(xs, ys), 0, 1)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
