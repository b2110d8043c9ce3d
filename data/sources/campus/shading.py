"""Light on the head: wrapped diffuse, cavity shadow, cast shadow and a soft highlight.

Everything is computed on the geometry grid and not for each pixel: the view changes only the
highlight, so one lookup for each pixel paints the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sources.campus.capture import Light
from data.sources.campus.grid import (
    COARSE,
    TEXEL_CM,
    TEXTURE_HEIGHT,
    TEXTURE_WIDTH,
    FloatMap,
    coarse_axes,
)

_NODE_CM = TEXEL_CM * COARSE
_SCATTER = (0.22, 0.07, 0.03)
"""Red light travels farther in skin, so the shadow's rim is red."""


def normals(radius_cm: FloatMap) -> list[FloatMap]:
    """Unit normals on the geometry grid as three maps (h, w), in head coordinates."""
    s, _ = coarse_axes()
    sin, cos = np.sin(s / 8.0), np.cos(s / 8.0)
    padded = cv2.copyMakeBorder(radius_cm, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    by_angle = (padded[1:-1, 2:] - padded[1:-1, :-2]) * np.float32(8.0 / (2 * _NODE_CM))
    by_y = (padded[:-2, 1:-1] - padded[2:, 1:-1]) * np.float32(1 / (2 * _NODE_CM))
    ax, az = by_angle * sin + radius_cm * cos, by_angle * cos - radius_cm * sin
    nx, ny, nz = -az, az * (by_y * sin) - ax * (by_y * cos), ax
    scale = 1.0 / np.maximum(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-6)
    return [np.asarray(n * scale, dtype=np.float32) for n in (nx, ny, nz)]


def _cavity(radius_cm: FloatMap) -> FloatMap:
    """How open each point is to the sky: 1 on flat skin, less in folds and sockets."""
    near = cv2.GaussianBlur(radius_cm, (0, 0), 4.0) - radius_cm
    wide = cv2.GaussianBlur(radius_cm, (0, 0), 14.0) - radius_cm
    depth = 0.55 * np.maximum(near, -0.15) + 0.22 * np.maximum(wide, -0.2)
    return np.asarray(np.clip(1.0 - depth, 0.25, 1.12), dtype=np.float32)


def _cast_shadow(radius_cm: FloatMap, light: NDArray[np.float64]) -> FloatMap:
    """Share of key light (h, w) that nothing near blocks; a few looks towards the light."""
    s, _ = coarse_axes()
    depth = radius_cm * np.cos(s / 8.0)
    shadow = np.zeros_like(depth)
    for reach in (0.7, 1.3, 2.1, 3.2, 4.8):
        shift = np.array(
            [[1, 0, -light[0] * reach / _NODE_CM], [0, 1, light[1] * reach / _NODE_CM]], np.float32
        )
        towards = cv2.warpAffine(
            depth, shift, (depth.shape[1], depth.shape[0]), borderMode=cv2.BORDER_REPLICATE
        )
        blocked = (towards - depth - np.float32(light[2] * reach)) / np.float32(0.25 + 0.2 * reach)
        np.maximum(shadow, np.clip(blocked, 0, 1), out=shadow)
    return np.asarray(1.0 - 0.8 * cv2.GaussianBlur(shadow, (0, 0), 1.3), dtype=np.float32)


def _dot(maps: list[FloatMap], vector: NDArray[np.float64]) -> FloatMap:
    return np.asarray(
        maps[0] * np.float32(vector[0])
        + maps[1] * np.float32(vector[1])
        + maps[2] * np.float32(vector[2]),
        dtype=np.float32,
    )


def light_head(
    albedo: FloatMap,
    radius_cm: FloatMap,
    gloss: FloatMap,
    rotation: NDArray[np.float64],
    light: Light,
) -> FloatMap:
    """Linear RGB (H, W, 3) of the lit texture; `gloss` (h, w) scales the highlight."""
    to_head = rotation.T
    key = to_head @ np.asarray(light.direction)
    view, up = to_head @ np.array([0.0, 0.0, 1.0]), to_head @ np.array([0.0, 1.0, 0.0])
    half = (key + view) / np.linalg.norm(key + view)
    n = normals(radius_cm)
    open_sky, lit = _cavity(radius_cm), _cast_shadow(radius_cm, key)
    facing = _dot(n, key)
    sky = (0.6 + 0.25 * _dot(n, up) + 0.3 * np.clip(_dot(n, view), 0, 1)) * open_sky * open_sky
    channels = []
    for channel, scatter in enumerate(_SCATTER):
        wrap = np.float32(light.softness + scatter)
        diffuse = np.clip((facing + wrap) / (1 + wrap), 0, 1) * lit * open_sky
        tint = 1 + light.warmth * (1 - channel)
        channels.append(light.key * tint * 1.15 * diffuse + light.ambient * sky)
    irradiance = cv2.merge([np.asarray(c, dtype=np.float32) for c in channels])
    shine = np.clip(_dot(n, half), 0, 1) ** 18 * gloss * lit * np.float32(light.key)
    size = (TEXTURE_WIDTH, TEXTURE_HEIGHT)
    lit_texture = cv2.multiply(albedo, cv2.resize(irradiance, size))
    highlight = cv2.resize(np.asarray(shine, dtype=np.float32), size)
    cv2.add(lit_texture, cv2.merge([highlight] * 3), dst=lit_texture)
    return np.asarray(lit_texture, dtype=np.float32)
