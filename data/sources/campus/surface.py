"""The shape of one head with one expression: radius on the geometry grid."""

import cv2
import numpy as np

from data.sources.campus.capture import Expression
from data.sources.campus.grid import FloatMap, bump, coarse_axes, step_up

Shape = dict[str, float]
_SECTION_POWER = 2.3
_SKULL_Y = 4.5


def _profile(y: FloatMap, points: list[tuple[float, float]]) -> FloatMap:
    points = sorted(points)
    at, value = zip(*points, strict=True)
    column = np.interp(y[:, 0], at, value).astype(np.float32)[:, None]
    return np.asarray(cv2.GaussianBlur(column, (1, 0), sigmaX=0.1, sigmaY=3.5), dtype=np.float32)


def _half_widths(shape: Shape, y: FloatMap) -> FloatMap:
    chin, cheek, small = shape["chin_y"], shape["cheek_half_width"], shape["chin_half_width"]
    jaw = cheek - max(0.35, shape["jaw_taper"])
    return _profile(
        y,
        [
            (chin - 1.3, 0.05),
            (chin - 0.7, 0.5),
            (chin, small * 0.85),
            (chin + 0.7, small + 0.35),
            (chin + 1.7, 0.3 * jaw + 0.7 * small + 0.65),
            (chin + 3.1, 0.7 * jaw + 0.3 * small + 0.6),
            (chin + 4.8, jaw + 0.1),
            (-4.2, 0.45 * jaw + 0.55 * cheek + 0.1),
            (-1.5, cheek + 0.1),
            (1.5, cheek + 0.6 * max(-0.1, shape["temple_flare"])),
            (4.5, cheek + max(-0.1, shape["temple_flare"])),
            (16.0, cheek + max(-0.1, shape["temple_flare"])),
        ],
    )


def _half_depths(shape: Shape, y: FloatMap) -> FloatMap:
    chin, forward = shape["chin_y"], shape["chin_forward"]
    return _profile(
        y,
        [
            (chin - 1.3, 0.05),
            (chin - 0.7, 5.8),
            (chin, 7.7 + forward),
            (chin + 1.3, 8.3 + forward),
            (chin + 3.0, 8.0 + 0.5 * forward),
            (-6.5, 8.35),
            (-3.0, 8.35),
            (0.0, 8.35),
            (2.2, 8.85),
            (4.5, 9.0 + shape["forehead_bulge"]),
            (16.0, 9.0 + shape["forehead_bulge"]),
        ],
    )


def _dome(y: FloatMap, top: float) -> FloatMap:
    """Scale of a cross-section: 1 below the forehead, 0 at the top, falling on below zero."""
    t = (y - _SKULL_Y) / (top - _SKULL_Y)
    inside = np.sqrt(np.maximum(1.0 - np.clip(t, 0.0, 1.0) ** 2.2, 0.0))
    return np.asarray(np.where(t <= 1, inside, -(t - 1.0) * 2.0), dtype=np.float32)


def _section(s: FloatMap, half_width: FloatMap, half_depth: FloatMap) -> FloatMap:
    angle = s / 8.0
    across = np.abs(np.sin(angle)) / half_width
    along = np.abs(np.cos(angle)) / half_depth
    n = _SECTION_POWER
    return np.asarray((across**n + along**n) ** (-1.0 / n), dtype=np.float32)


def skull(shape: Shape, s: FloatMap, y: FloatMap, inflate: tuple[float, float]) -> FloatMap:
    """Radius of the bare skull, grown by cm at the sides and at the top."""
    side, up = inflate
    widths, depths = _half_widths(shape, y) + side, _half_depths(shape, y) + side
    return _section(s, widths, depths) * _dome(y, shape["top"] + up)


def _neck(shape: Shape, s: FloatMap, y: FloatMap) -> FloatMap:
    back = -2.6
    flare = 0.06 * np.maximum(-12.0 - y, 0.0) ** 1.5
    radius = shape["neck_half_width"] + flare
    angle = s / 8.0
    inside = np.maximum(radius**2 - (back * np.sin(angle)) ** 2, 0.0)
    return np.asarray(back * np.cos(angle) + np.sqrt(inside), dtype=np.float32)


def _nose(shape: Shape, s: FloatMap, y: FloatMap) -> FloatMap:
    tip, height = shape["nose_y"] + 0.55, shape["nose_tip"]
    bridge = shape["nose_bridge"]
    middle = 0.5 * (tip + 0.3) + 0.15
    hump = 0.5 * (height + bridge) + shape["nose_hump"]
    ridge = np.interp(
        y[:, 0],
        [tip - 1.75, tip - 1.1, tip - 0.55, tip, tip + 0.7, middle, 0.3, 1.8],
        [0, 0.25, 0.8 * height, height, 0.86 * height, hump, bridge, 0],
    ).astype(np.float32)[:, None]
    wide, slim = shape["nose_tip_width"], shape["nose_bridge_width"]
    width = np.interp(
        y[:, 0],
        [tip - 1, tip, tip + 1.2, 0.3],
        [1.05 * wide, wide, 1.1 * slim, slim],
    ).astype(np.float32)[:, None]
    ridge = np.asarray(cv2.GaussianBlur(ridge, (1, 0), sigmaX=0.1, sigmaY=1.3), dtype=np.float32)
    relief = ridge * np.exp(-0.5 * (s / width) ** 2)
    for side in (-1, 1):
        wing = (side * (shape["nose_half_width"] - 0.55), tip - 0.45)
        relief = relief + 0.95 * bump(s, y, wing, 0.5, 0.55)
    return np.asarray(relief, dtype=np.float32)


def mouth_y(shape: Shape) -> float:
    """Height of the line between the lips."""
    return shape["nose_y"] - shape["mouth_gap"]


def _mouth(shape: Shape, face: Expression, s: FloatMap, y: FloatMap) -> FloatMap:
    line, half = mouth_y(shape), shape["mouth_half_width"] * (1 + 0.16 * face.smile)
    drop = 0.9 * face.mouth_open
    span = np.asarray(np.exp(-((np.abs(s) / half) ** 3)), dtype=np.float32)
    upper = bump(s * 0, y, (0, line + 0.42), 1, 0.38) * (0.2 + 0.45 * shape["upper_lip"])
    lower = bump(s * 0, y, (0, line - 0.5 - drop), 1, 0.45) * (0.2 + 0.42 * shape["lower_lip"])
    groove = bump(s * 0, y, (0, line - 0.4 * drop), 1, 0.16 + 0.4 * drop) * (0.3 + 0.5 * drop)
    fold = bump(s, y, (0, line - 1.75 - drop), 1.6, 0.45) * 0.4
    philtrum = bump(s, y, (0, line + 1.3), 0.28, 0.5) * 0.14
    corners = sum(
        bump(s, y, (side * (half + 0.25), line + 0.35 * face.smile), 0.4, 0.4) for side in (-1, 1)
    )
    return np.asarray((upper + lower - groove) * span - fold - philtrum - 0.22 * corners)


def _pair(
    s: FloatMap, y: FloatMap, centre: tuple[float, float], width: float, height: float
) -> FloatMap:
    left = bump(s, y, (-centre[0], centre[1]), width, height)
    return left + bump(s, y, centre, width, height)


def _upper_face(shape: Shape, face: Expression, s: FloatMap, y: FloatMap) -> FloatMap:
    eye = shape["eye_x"] * 1.02
    relief = -shape["eye_depth"] * _pair(s, y, (eye - 0.35, 0.15), 1.55, 1.0)
    relief += 0.42 * _pair(s, y, (eye, 0.0), 0.95, 0.72)
    brow = shape["brow_y"] + 0.35 * face.brow_raise
    relief += (0.25 + shape["brow_ridge"]) * _pair(s, y, (eye - 0.1, brow), 1.9, 0.6)
    relief -= 0.25 * _pair(s, y, (8.3, 2.5), 1.6, 1.6)
    return np.asarray(relief, dtype=np.float32)


def _lower_face(shape: Shape, face: Expression, s: FloatMap, y: FloatMap) -> FloatMap:
    lift = 0.35 * face.smile
    relief = (shape["cheekbone"] + 0.3 * lift) * _pair(s, y, (5.2, -1.9 + lift), 1.9, 1.0)
    relief += (shape["cheek_fullness"] + 0.1) * _pair(s, y, (5.0, -5.8), 2.0, 1.8)
    relief += 0.9 * lift * _pair(s, y, (3.9, -3.2), 1.2, 1.1)
    fold = -0.14 - 0.3 * face.smile
    relief += fold * _pair(s, y, (2.75, shape["nose_y"] - 0.9), 0.4, 1.0)
    relief += shape["chin_bump"] * bump(s, y, (0, shape["chin_y"] + 1.3), 1.5, 0.9)
    return np.asarray(relief, dtype=np.float32)


def _ears(shape: Shape, s: FloatMap, y: FloatMap) -> FloatMap:
    size = shape["ear_size"]
    upright = np.exp(-(((y + 1.0) / size) ** 4)).astype(np.float32)
    outer = _pair(s, y * 0, (13.2, 0.0), 0.6, 1.0) * upright
    bowl = _pair(s, y, (12.4, -1.0), 0.4, size * 0.4)
    return np.asarray(shape["ear_out"] * outer - 0.3 * bowl, dtype=np.float32)


def bare_head(shape: Shape, face: Expression) -> FloatMap:
    """Radius of head and neck without hair on the geometry grid, in cm."""
    s, y = coarse_axes()
    opened = dict(shape, chin_y=shape["chin_y"] - 0.75 * face.mouth_open)
    head = skull(opened, s, y, (0.0, 0.0))
    facing = step_up(np.cos(s / 8.0).astype(np.float32), -0.1, 0.5)
    relief = _nose(opened, s, y) + _mouth(opened, face, s, y)
    relief += _upper_face(opened, face, s, y) + _lower_face(opened, face, s, y)
    head = head + relief * facing * step_up(y, shape["chin_y"] - 1.2, shape["chin_y"])
    head += _ears(shape, s, y)
    neck = _neck(shape, s, y)
    blend = 0.35
    low = step_up(-y, 3.0, 6.0)
    joined = np.maximum(head, neck) + blend * np.exp(-np.abs(head - neck) / blend) * 0.4 * low
    return np.asarray(np.where(y < -3.0, joined, head), dtype=np.float32)
