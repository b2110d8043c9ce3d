"""Painting on the skin: soft polygons and lines in (s, y) cm on a texture of linear RGB."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sources.campus.grid import (
    TEXEL_CM,
    TEXTURE_HEIGHT,
    TEXTURE_WIDTH,
    FloatMap,
    soften,
    to_texels,
)

Points = NDArray[np.float64]  # (n, 2), side and height in cm
Rgb = tuple[float, float, float]
_SHIFT: Final = 4
_Box = tuple[int, int, int, int]


def to_linear(rgb: Rgb) -> Rgb:
    """Linear light of an sRGB colour in 0..1 (gamma 2.2)."""
    return (rgb[0] ** 2.2, rgb[1] ** 2.2, rgb[2] ** 2.2)


def ellipse(centre: tuple[float, float], half_width: float, half_height: float) -> Points:
    """Outline of an ellipse, 24 points."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.column_stack(
        [centre[0] + half_width * np.cos(angle), centre[1] + half_height * np.sin(angle)]
    )


@lru_cache(maxsize=32)
def _cubic(knots: int, samples: int) -> NDArray[np.float64]:
    """Matrix (samples, knots) that fits one cubic to all knots and evaluates it."""
    powers = np.arange(min(4, knots))
    at_knots = np.linspace(0, 1, knots)[:, None] ** powers
    at_samples = np.linspace(0, 1, samples)[:, None] ** powers
    return np.asarray(at_samples @ np.linalg.pinv(at_knots))


def smooth(points: list[tuple[float, float]], samples: int = 24) -> Points:
    """A cubic curve (samples, 2) along a few points."""
    return _cubic(len(points), samples) @ np.asarray(points, dtype=np.float64)


class Canvas:
    """A texture that is painted on, layer by layer."""

    def __init__(self, base: FloatMap) -> None:
        """Start from a copy of linear RGB (H, W, 3)."""
        self.rgb = base.copy()

    def _box(self, texels: NDArray[np.float64], margin: float) -> _Box | None:
        x0, y0 = np.floor(texels.min(0) - margin).astype(int)
        x1, y1 = np.ceil(texels.max(0) + margin).astype(int) + 1
        x0, y0 = max(0, int(x0)), max(0, int(y0))
        x1, y1 = min(TEXTURE_WIDTH, int(x1)), min(TEXTURE_HEIGHT, int(y1))
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def _blend(self, box: _Box, mask: FloatMap, colour: Rgb) -> None:
        x0, y0, x1, y1 = box
        patch = self.rgb[y0:y1, x0:x1]
        patch += (np.asarray(colour, dtype=np.float32) - patch) * mask[..., None]

    def _finish(
        self,
        box: _Box,
        mask: NDArray[np.uint8],
        soft_cm: float,
        opacity: float,
        clip: FloatMap | None,
    ) -> FloatMap:
        cover = mask.astype(np.float32) * np.float32(opacity / 255)
        if soft_cm > 0:
            cover = soften(cover, max(soft_cm / TEXEL_CM, 0.3))
        if clip is not None:
            x0, y0, x1, y1 = box
            cover = cover * clip[y0:y1, x0:x1]
        return np.asarray(cover, dtype=np.float32)

    def fill(
        self,
        points: Points,
        colour: Rgb,
        opacity: float = 1.0,
        soft_cm: float = 0.0,
        clip: FloatMap | None = None,
    ) -> None:
        """Paint a polygon with a soft rim, inside `clip` (H, W) where given."""
        texels = to_texels(points)
        box = self._box(texels, 3 + 3 * soft_cm / TEXEL_CM)
        if box is None:
            return
        mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
        fixed = np.round((texels - (box[0], box[1])) * 2**_SHIFT).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
        self._blend(box, self._finish(box, mask, soft_cm, opacity, clip), colour)

    def line(
        self,
        points: Points,
        width_cm: float,
        colour: Rgb,
        opacity: float = 1.0,
        soft_cm: float = 0.0,
    ) -> None:
        """Paint a line; one thinner than a texel is one texel wide and fainter."""
        texels = to_texels(points)
        box = self._box(texels, 3 + (width_cm + 3 * soft_cm) / TEXEL_CM)
        if box is None:
            return
        mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
        fixed = np.round((texels - (box[0], box[1])) * 2**_SHIFT).astype(np.int32)
        wide = width_cm / TEXEL_CM
        cv2.polylines(mask, [fixed], False, 255, max(1, round(wide)), cv2.LINE_AA, _SHIFT)
        faint = min(1.0, wide) * opacity
        self._blend(box, self._finish(box, mask, soft_cm, faint, None), colour)

    def blend_map(self, cover: FloatMap, colour: Rgb) -> None:
        """Blend a colour in by a map (H, W) of opacities."""
        self._blend((0, 0, TEXTURE_WIDTH, TEXTURE_HEIGHT), cover, colour)

    def lay(self, layer: FloatMap, keep: FloatMap) -> None:
        """Keep a share (H, W, 3) of what is there and add a layer that is scaled already."""
        self.rgb *= keep
        self.rgb += layer


def mask_of(points: Points) -> FloatMap:
    """Anti-aliased cover (H, W) of a polygon over the whole texture."""
    mask = np.zeros((TEXTURE_HEIGHT, TEXTURE_WIDTH), np.uint8)
    fixed = np.round(to_texels(points) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) / np.float32(255)
