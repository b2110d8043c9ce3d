"""Face masks: a flat textured patch for each half of the face, laid on by homography.

The patch is spanned by the ridge of the nose, the cheeks, the jaw and the chin line. How high it
sits is the severity: below 0.6 the nose is exposed, as people do wear it.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change, Facts
from data.degrade.canvas import Alpha, FaceCanvas
from data.degrade.face_frame import CHEEK, CHIN, EAR, JAW, FaceFrame
from data.face import RgbU8

_TEXTURE_PX: Final = 256
_COLOURS: Final = {
    "light_blue": (0.42, 0.62, 0.78),
    "white": (0.80, 0.80, 0.79),
    "black": (0.02, 0.02, 0.022),
    "grey": (0.22, 0.22, 0.23),
    "green": (0.30, 0.52, 0.42),
    "pink": (0.72, 0.42, 0.46),
}
_WORN: Final = {
    "surgical": ("light_blue", "white", "green", "black"),
    "ffp2": ("white", "black", "grey"),
    "cloth": ("black", "grey", "pink", "green", "white"),
}
_LOWEST_TOP, _HIGHEST_TOP = 1.35, 0.16
_NOSE_TIP: Final = 0.57
_REFERENCE_LIGHT: Final = 0.30
"""Luminance of well lit skin of medium tone."""


@dataclass(frozen=True, slots=True)
class _Mask:
    shape: str
    colour: str
    top: float
    """Height of the upper edge on the nose's ridge, in eye distances below the eyes."""


def mask(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Put a mask on, from below the lip up to under the eyes."""
    shape = str(rng.choice(sorted(_WORN)))
    colour = str(rng.choice(_WORN[shape]))
    worn = _Mask(shape, colour, _LOWEST_TOP + severity * (_HIGHEST_TOP - _LOWEST_TOP))
    relief = _relief(worn.shape, rng)
    canvas = FaceCanvas(image_rgb_u8, frame)
    lights = [_side_light(canvas, side) for side in (-1, 1)]
    halves = [_half(canvas, worn, side, relief) for side in (-1, 1)]
    cover = np.maximum(halves[0][0], halves[1][0])
    shadow = canvas.soften(cover, 0.07) * (1 - cover)
    canvas.darken(shadow, 0.45)
    _loops(canvas, worn)
    _paint_halves(canvas, worn, halves, lights)
    facts: Facts = {
        "shape": shape,
        "colour": colour,
        "coverage": _coverage(worn.top),
        "nose_exposed": worn.top > _NOSE_TIP,
    }
    return Change(canvas.finish(), facts)


def _coverage(top: float) -> float:
    """Share of the height from brows to chin that is hidden."""
    return (CHIN[1] - top) / (CHIN[1] + 0.3)


def _side_light(canvas: FaceCanvas, side: int) -> NDArray[np.float32]:
    """Light (3,) that falls on one half, by the cheek's brightness and tint against skin's."""
    skin = canvas.sample(side * 0.55, 0.45, 0.1, 0.15)
    level = float(np.clip(skin @ np.array([0.2126, 0.7152, 0.0722]), 0.02, 1) / _REFERENCE_LIGHT)
    # Dark skin is not dim light: half of the difference is taken for the light's.
    return np.full(3, np.clip(level, 0.15, 3.0) ** 0.6, np.float32)


def _quad(worn: _Mask, side: int) -> NDArray[np.float64]:
    """Ridge at the top, cheek, jaw, chin: the corners (4, 3) of one half."""
    bulge = 0.07
    ridge_z = float(np.interp(worn.top, [0.1, _NOSE_TIP, 0.8, 1.4], [0.22, 0.50, 0.28, 0.2]))
    side_top = max(0.42, worn.top + 0.14)
    cheek_z = np.interp(side_top, [CHEEK[1], JAW[1]], [CHEEK[2], JAW[2]])
    cheek_x = np.interp(side_top, [CHEEK[1], JAW[1]], [CHEEK[0], JAW[0]])
    return np.array(
        [
            (0.0, worn.top, ridge_z + bulge),
            (side * cheek_x, side_top, cheek_z),
            (side * (JAW[0] - 0.05), max(JAW[1] + 0.1, side_top + 0.25), JAW[2]),
            (0.0, CHIN[1] + 0.06, CHIN[2] + bulge),
        ]
    )


def _half(
    canvas: FaceCanvas, worn: _Mask, side: int, relief: NDArray[np.float32]
) -> tuple[Alpha, NDArray[np.float32]]:
    """Cover and relief of one half, both (height, width) of the canvas."""
    corners = canvas.local(canvas.frame.project(_quad(worn, side))).astype(np.float32)
    last = _TEXTURE_PX - 1
    texture = np.array([[0, 0], [last, 0], [last, last], [0, last]], np.float32)
    matrix = cv2.getPerspectiveTransform(texture, corners)
    height, width = canvas.shape_hw

    def laid(layer: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.warpPerspective(
            layer,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)

    return canvas.fill(_outline(canvas, worn, side)), laid(relief)


def _outline(canvas: FaceCanvas, worn: _Mask, side: int) -> NDArray[np.float64]:
    """Outline (n, 2) of one half: a bowed upper edge, a rounded jaw."""
    ridge, cheek, jaw, chin = _quad(worn, side)
    share = np.linspace(0, 1, 24)[:, None]
    upper = ridge + share * (cheek - ridge)
    # The edge follows the nose: steep at the ridge, then flat over the cheek.
    upper[:, 1] += 0.10 * np.sin(np.pi * share[:, 0]) * (worn.top < _NOSE_TIP + 0.2)
    bow = 4 * share * (1 - share) * np.array([side * 0.10, 0.10, 0.0])
    lower = jaw + share * (chin - jaw) + bow
    # A little past the middle, so that no seam shows between the halves.
    over = np.array([-side * 0.01, 0.0, 0.0])
    return canvas.frame.project(np.vstack([upper, lower, chin + over, ridge + over]))


def _relief(shape: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """Shading (256, 256) of one half around 1: x from ridge to cheek, y from top to bottom."""
    y, x = np.mgrid[0:_TEXTURE_PX, 0:_TEXTURE_PX] / _TEXTURE_PX
    coarse = rng.normal(size=(6, 6)).astype(np.float32)
    folds = cv2.resize(coarse, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_CUBIC)
    relief = 1.06 - 0.30 * x**2 - 0.10 * (y - 0.4) ** 2 + 0.03 * folds
    if shape == "surgical":
        for fold in (0.32, 0.50, 0.68):
            depth = (y - fold - 0.02 * x) / 0.022
            relief = relief - 0.16 * np.exp(-(depth**2)) + 0.07 * np.exp(-((depth + 2.2) ** 2))
        relief = relief - 0.10 * ((y < 0.06) & (y > 0.045)) - 0.10 * ((y > 0.94) & (y < 0.955))
    elif shape == "ffp2":
        relief = (
            relief + 0.14 * np.exp(-((x / 0.05) ** 2)) - 0.12 * np.exp(-(((x - 0.9) / 0.02) ** 2))
        )
        relief = relief - 0.07 * np.exp(-(((y - 0.12 - 0.25 * x) / 0.015) ** 2))
    else:
        weave = np.sin(2 * np.pi * 64 * x) * np.sin(2 * np.pi * 64 * y)
        relief = relief + 0.03 * weave - 0.10 * np.exp(-((x / 0.02) ** 2)) + 0.04 * folds
    return np.asarray(np.clip(relief, 0.3, 1.4), dtype=np.float32)


def _paint_halves(
    canvas: FaceCanvas,
    worn: _Mask,
    halves: list[tuple[Alpha, NDArray[np.float32]]],
    lights: list[NDArray[np.float32]],
) -> None:
    colour = np.array(_COLOURS[worn.colour], np.float32)
    # Light turns over from one half to the other without a step.
    x = canvas.coordinates()[..., 0]
    right = np.clip(0.5 + x / 1.2, 0, 1)[..., None]
    light = lights[0] * (1 - right) + lights[1] * right
    middle = canvas.frame.project([(0, y, z) for _, y, z in _quad(worn, 1)[[0, 3]]])
    for (cover, relief), side in zip(halves, (-1, 1), strict=True):
        cloth = np.clip(colour * light * relief[..., None], 0, 1).astype(np.float32)
        canvas.paint(cover, cloth)
        edge = canvas.frame.project(_quad(worn, side)[:2])
        rim = canvas.stroke(edge, 0.02 * canvas.frame.unit_px) * cover
        canvas.darken(rim.astype(np.float32), 0.2)
    if worn.shape == "ffp2":
        seam = canvas.stroke(middle, 0.02 * canvas.frame.unit_px)
        canvas.darken(seam * np.maximum(halves[0][0], halves[1][0]), 0.25)


def _loops(canvas: FaceCanvas, worn: _Mask) -> None:
    """Bands to the ears; the far one of a turned head hides behind the cheek."""
    frame = canvas.frame
    colour = np.full(3, 0.03 if worn.colour == "black" else 0.6, np.float32)
    for side in (-1, 1):
        corners = _quad(worn, side)
        ear = np.array([side * EAR[0], EAR[1] + 0.25, EAR[2]])
        ends = frame.project([corners[1], ear])
        outwards = side * (ends[1, 0] - ends[0, 0]) * np.sign(frame.camera[0, 0])
        if outwards < 0.05 * frame.unit_px:
            continue
        for corner in (corners[1], corners[2]):
            line = frame.project([corner, (corner + ear) / 2 + [side * 0.05, 0, 0], ear])
            canvas.paint(0.85 * canvas.stroke(line, 0.035 * frame.unit_px), colour)
