"""Things on the face: a surgical mask in the texture, glasses over the picture."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import RgbU8
from data.sources.campus.canvas import Canvas, Points, Rgb, mask_of, smooth, to_linear
from data.sources.campus.grid import FloatMap, soften, to_nodes
from data.sources.campus.identity import Identity
from data.sources.campus.pose import Camera, surface_points

_MASK_COLOURS: Final[tuple[Rgb, ...]] = (
    (0.62, 0.78, 0.88),
    (0.88, 0.89, 0.90),
    (0.13, 0.13, 0.14),
    (0.55, 0.72, 0.68),
)


def _mask_outline(who: Identity) -> Points:
    top = who.shape["nose_y"] + 2.3
    chin = who.shape["chin_y"]
    upper = smooth(
        [(-8.6, top - 0.9), (-4, top - 0.2), (0, top + 0.5), (4, top - 0.2), (8.6, top - 0.9)]
    )
    lower = smooth(
        [(8.4, chin + 3.4), (4, chin - 0.9), (0, chin - 1.3), (-4, chin - 0.9), (-8.4, chin + 3.4)]
    )
    return np.concatenate([upper, lower])


def put_on_mask(
    canvas: Canvas, radius_cm: FloatMap, who: Identity, rng: np.random.Generator
) -> FloatMap:
    """Paint a mask with pleats and loops; returns the radius with the mask on."""
    colour = to_linear(_MASK_COLOURS[int(rng.integers(len(_MASK_COLOURS)))])
    outline = _mask_outline(who)
    canvas.fill(outline, colour, 1.0, 0.05)
    dark = (colour[0] * 0.6, colour[1] * 0.6, colour[2] * 0.6)
    middle, low = who.shape["nose_y"], who.shape["chin_y"]
    for k in range(3):
        height = middle + (low - middle) * (0.15 + 0.28 * k)
        pleat = smooth([(-8.0, height + 0.3), (0.0, height), (8.0, height + 0.3)])
        canvas.line(pleat, 0.14, dark, 0.5, 0.12)
    for side in (-1, 1):
        for start in (outline[0, 1], low + 3.4):
            loop = smooth([(side * 8.4, start), (side * 12.5, -1.0 + 0.2 * start)])
            canvas.line(loop, 0.25, colour, 0.95, 0.03)
    sheet = np.maximum(soften(radius_cm, 5.0) + 0.3, radius_cm + 0.12)
    soft = soften(to_nodes(mask_of(outline)), 0.8)
    return np.asarray(radius_cm + soft * (sheet - radius_cm), dtype=np.float32)


def _rim(style: int, side: int, spacing: float) -> NDArray[np.float64]:
    """Outline (n, 2) of one lens in cm around the eye line."""
    half_width, half_height, power = (
        (2.35, 1.75, 2.6),
        (2.2, 2.05, 2.0),
        (2.5, 1.45, 3.2),
        (2.55, 2.1, 2.6),
        (2.3, 1.3, 2.3),
        (2.4, 1.9, 4.0),
    )[style]
    angle = np.linspace(0, 2 * np.pi, 40)
    cos, sin = np.cos(angle), np.sin(angle)
    x = half_width * np.sign(cos) * np.abs(cos) ** (2 / power)
    y = half_height * np.sign(sin) * np.abs(sin) ** (2 / power)
    return np.column_stack([side * (spacing + 0.05) + x, y - 0.2])


_FRAME_COLOURS: Final[tuple[tuple[int, int, int], ...]] = (
    (22, 20, 22),
    (60, 38, 26),
    (120, 122, 128),
    (35, 40, 70),
    (150, 120, 60),
    (15, 15, 16),
)


def _draw(
    picture: RgbU8, points_px: NDArray[np.float64], colour: tuple[int, int, int], width: int
) -> None:
    fixed = np.round(points_px * 16).astype(np.int32)
    cv2.polylines(picture, [fixed], False, colour, max(1, width), cv2.LINE_AA, 4)


def draw_glasses(
    picture: RgbU8, who: Identity, camera: Camera, radius_cm: FloatMap, gain: float
) -> None:
    """Draw the student's glasses onto the picture in place; `gain` darkens them in poor light."""
    front = float(surface_points(radius_cm, np.array([[0.0, 0.2]]))[0, 2]) + 0.35
    style, spacing = who.glasses_style, who.shape["eye_x"]
    r, g, b = (int(min(255, c * gain)) for c in _FRAME_COLOURS[(style * 5 + who.subject) % 6])
    width = max(1, round(camera.px_per_cm * (0.14, 0.24, 0.36)[who.subject % 3]))
    ends = []
    for side in (-1, 1):
        rim = _rim(style, side, spacing)
        solid = np.column_stack([rim, front - 0.018 * rim[:, 0] ** 2])
        flat = camera.project(solid)
        _glaze(picture, flat, gain)
        _draw(picture, flat, (r, g, b), width)
        hinge = solid[np.argmax(side * rim[:, 0])]
        ends.append(hinge)
        ear = np.array([side * (who.shape["cheek_half_width"] + 0.6), -0.3, 0.5])
        far = camera.facing(np.array([[side * 7.0, 0, 0]]))[0] < -1.2
        if not far:
            _draw(
                picture,
                camera.project(np.stack([hinge + np.array([0.0, 0.5, 0.0]), ear])),
                (r, g, b),
                width,
            )
    bridge = np.array(
        [[-spacing + 2.1, 0.25, front], [0, 0.5, front + 0.15], [spacing - 2.1, 0.25, front]]
    )
    _draw(picture, camera.project(bridge), (r, g, b), width)


def _glaze(picture: RgbU8, outline_px: NDArray[np.float64], gain: float) -> None:
    """A faint reflection across the upper corner of a lens."""
    x0, y0 = np.maximum(np.floor(outline_px.min(0)).astype(int), 0)
    x1, y1 = np.ceil(outline_px.max(0)).astype(int) + 1
    patch = picture[y0:y1, x0:x1]
    if patch.size == 0:
        return
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(
        mask, [np.round((outline_px - (x0, y0)) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4
    )
    fall = np.linspace(0.16, 0.02, patch.shape[0], dtype=np.float32)[:, None, None]
    cover = mask[..., None].astype(np.float32) / 255 * fall
    patch[:] = (patch + (min(255.0, 235 * gain) - patch) * cover).astype(np.uint8)
