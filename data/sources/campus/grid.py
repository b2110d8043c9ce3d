"""The head as a grid of angles around its vertical axis and heights.

Head coordinates in cm: origin between the eyes on the vertical axis of the skull, x to the
picture's right, y up, z out of the face. A surface point is (r sin a, y, r cos a), its radius r
given on the grid. The side coordinate s = 8 a measures about as far as x does near the nose, so
features are placed in (s, y) cm.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

FloatMap = NDArray[np.float32]

SIDE_PER_RADIAN_CM: Final = 8.0
S_MAX_CM: Final = 18.2
Y_TOP_CM: Final = 16.0
Y_BOTTOM_CM: Final = -16.5
TEXTURE_WIDTH: Final = 448
TEXTURE_HEIGHT: Final = 400
TEXEL_CM: Final = 2 * S_MAX_CM / TEXTURE_WIDTH
COARSE: Final = 2
"""The geometry grid has one node for this many texels each way."""


def _axes(step: int) -> tuple[FloatMap, FloatMap]:
    s = (np.arange(TEXTURE_WIDTH // step) + 0.5) * TEXEL_CM * step - S_MAX_CM
    y = Y_TOP_CM - (np.arange(TEXTURE_HEIGHT // step) + 0.5) * TEXEL_CM * step
    return s.astype(np.float32)[None, :], y.astype(np.float32)[:, None]


def coarse_axes() -> tuple[FloatMap, FloatMap]:
    """Side (1, w) and height (h, 1) of the geometry nodes, in cm."""
    return _axes(COARSE)


def texture_axes() -> tuple[FloatMap, FloatMap]:
    """Side (1, W) and height (H, 1) of the texels, in cm."""
    return _axes(1)


def to_texels(points_cm: NDArray[np.floating], step: int = 1) -> NDArray[np.float64]:
    """Turn points (n, 2) in (s, y) cm into pixel coordinates of a map with this step."""
    points = np.asarray(points_cm, dtype=np.float64)
    texel = TEXEL_CM * step
    return np.column_stack(
        [(points[:, 0] + S_MAX_CM) / texel - 0.5, (Y_TOP_CM - points[:, 1]) / texel - 0.5]
    )


def bump(
    s: FloatMap, y: FloatMap, centre: tuple[float, float], width: float, height: float
) -> FloatMap:
    """A Gaussian hill of height 1; it is a product of two one-dimensional ones, so it is cheap."""
    across = np.exp(-0.5 * ((s - centre[0]) / width) ** 2)
    along = np.exp(-0.5 * ((y - centre[1]) / height) ** 2)
    return np.asarray(across * along, dtype=np.float32)


def to_nodes(cover: FloatMap) -> FloatMap:
    """Average of a texture map (H, W) over each geometry node."""
    size = (TEXTURE_WIDTH // COARSE, TEXTURE_HEIGHT // COARSE)
    return np.asarray(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def soften(values: FloatMap, sigma: float) -> FloatMap:
    """Gaussian blur of a map, sigma in its own pixels."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def step_up(x: NDArray[np.floating], low: float, high: float) -> FloatMap:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)
