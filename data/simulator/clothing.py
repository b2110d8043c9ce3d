"""A cap drawn down to the brows, a scarf up to the lips: painted onto any face by its landmarks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.degrade.canvas import FaceCanvas
from data.degrade.face_frame import CHIN, EAR, FaceFrame
from data.face import LandmarksPx, RgbU8

_WOOL: Final = np.array(
    [
        (0.02, 0.02, 0.025),
        (0.06, 0.07, 0.13),
        (0.22, 0.03, 0.04),
        (0.16, 0.16, 0.15),
        (0.3, 0.24, 0.16),
    ],
    dtype=np.float32,
)
"""Linear RGB."""


def put_on_cap(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, rng: np.random.Generator) -> RgbU8:
    """A knitted cap over hair and forehead; its rim lies between hairline and brows."""
    canvas = FaceCanvas(image_rgb_u8, FaceFrame.of(landmarks_px))
    rim_y, top_y = float(rng.uniform(-0.72, -0.48)), float(rng.uniform(-2.45, -2.15))
    side = EAR[0] + 0.12
    across = np.linspace(-1, 1, 25)
    rim = np.column_stack([side * across, rim_y + 0.16 * across**2, 0.1 - 0.7 * across**2])
    crown = np.column_stack(
        [
            side * 1.02 * across[::-1],
            top_y + (rim_y + 0.16 - top_y) * across**4,
            -0.4 - 0.3 * across**2,
        ]
    )
    _drape(canvas, np.vstack([rim, crown]), rim, rng)
    return canvas.finish()


def put_on_scarf(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, rng: np.random.Generator) -> RgbU8:
    """A scarf around neck and chin; its rim lies between lower lip and nose."""
    canvas = FaceCanvas(image_rgb_u8, FaceFrame.of(landmarks_px))
    rim_y = float(rng.uniform(0.72, 1.42))
    across = np.linspace(-1, 1, 25)
    rim = np.column_stack([1.05 * across, rim_y + 0.10 * (1 - across**2), 0.35 - 0.75 * across**2])
    hem = np.column_stack([1.25 * across[::-1], np.full(25, CHIN[1] + 0.75), np.full(25, 0.0)])
    _drape(canvas, np.vstack([rim, hem]), rim, rng)
    return canvas.finish()


def _drape(
    canvas: FaceCanvas,
    outline: NDArray[np.float64],
    rim: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Lay wool over an outline (n, 3) in the face's coordinates, lit as the face is."""
    frame = canvas.frame
    light = float(np.clip(canvas.sample(0, 0.3, 0.3, 0.2).mean() / 0.3, 0.1, 1.6))
    colour = _WOOL[int(rng.integers(len(_WOOL)))] * np.float32(light**0.6)
    cover = canvas.fill(frame.project(outline))
    canvas.darken(canvas.soften(cover, 0.08) * (1 - cover), 0.4)
    coordinates = canvas.coordinates()
    ribs = 1 + 0.18 * np.sin(coordinates[..., 0] * 2 * np.pi / 0.11)
    round_off = 1 - 0.35 * np.clip(np.abs(coordinates[..., 0]), 0, 1.3) ** 2
    canvas.paint(cover, (colour * (ribs * round_off)[..., None]).clip(0, 1).astype(np.float32))
    canvas.darken(canvas.stroke(frame.project(rim), 0.05 * frame.unit_px) * cover, 0.35)
