"""Eyes and brows, painted on the texture."""

from dataclasses import dataclass

import numpy as np

from data.sources.campus.canvas import Canvas, Points, Rgb, ellipse, mask_of, smooth, to_linear
from data.sources.campus.capture import Expression
from data.sources.campus.identity import Identity
from data.sources.campus.skin import scaled, skin_rgb

LASH: Rgb = (0.012, 0.009, 0.008)


@dataclass(frozen=True, slots=True)
class Lids:
    """The rim of one eye."""

    upper: Points
    lower: Points

    @property
    def outline(self) -> Points:
        """Closed polygon."""
        return np.concatenate([self.upper, self.lower[::-1]])


def eye_centre(who: Identity, side: int) -> tuple[float, float]:
    """Side and height of the middle of an eye; side is -1 for the image-left one."""
    return (side * who.shape["eye_x"] * 1.02, 0.0)


def eye_middle(who: Identity, side: int) -> tuple[float, float]:
    """Middle of the open eye, where the pupil rests: the eye landmark."""
    across, height = eye_centre(who, side)
    return (across, height + 0.07)


def lids_of(who: Identity, face: Expression, side: int) -> Lids:
    """Curves from the inner to the outer corner."""
    shape = who.shape
    half, tilt = shape["eye_half_width"], shape["eye_tilt"]
    cx, cy = eye_centre(who, side)
    opening = shape["eye_opening"] * (1 - 0.93 * face.eye_closure) * (1 - 0.18 * face.smile)
    opening *= 1 + 0.1 * face.brow_raise
    inner, outer = (cx - side * half, cy - tilt - 0.05), (cx + side * half, cy + tilt)
    top = cy + 0.55 * opening - 0.25 * face.eye_closure
    low = cy - 0.42 * opening - 0.25 * face.eye_closure
    upper = [inner, (cx - side * 0.55 * half, top - 0.1), (cx + side * 0.1, top + 0.04)]
    upper += [(cx + side * 0.62 * half, 0.72 * top + 0.28 * outer[1]), outer]
    lower = [inner, (cx - side * 0.4 * half, low * 0.8 - 0.02), (cx + side * 0.25 * half, low)]
    return Lids(smooth(upper), smooth([*lower, outer]))


def _paint_ball(canvas: Canvas, who: Identity, face: Expression, side: int, lids: Lids) -> None:
    inside = mask_of(lids.outline)
    cx, cy = eye_centre(who, side)
    canvas.fill(lids.outline, (0.5, 0.46, 0.44), 1.0, 0.03)
    radius = who.shape["iris_radius"]
    ix, iy = cx + 0.3 * face.gaze_x, cy + 0.04 + 0.14 * face.gaze_y
    iris = to_linear(who.colouring.iris_rgb)
    canvas.fill(
        ellipse((ix, iy), radius, radius), scaled(iris, (0.22, 0.22, 0.22)), 1, 0.03, inside
    )
    canvas.fill(
        ellipse((ix, iy), radius * 0.82, radius * 0.82),
        scaled(iris, (0.7, 0.7, 0.7)),
        0.9,
        0.08,
        inside,
    )
    canvas.fill(
        ellipse((ix, iy), radius * 0.42, radius * 0.42), (0.004, 0.004, 0.004), 1, 0.03, inside
    )
    glint = ellipse((ix - 0.17, iy + 0.2), 0.09, 0.09)
    canvas.fill(glint, (0.9, 0.9, 0.9), 0.85 * (1 - face.eye_closure), 0.03, inside)
    canvas.line(lids.upper - np.array([0, 0.12]), 0.34, (0.03, 0.02, 0.02), 0.55, 0.12)
    caruncle = ellipse((cx - side * (who.shape["eye_half_width"] - 0.18), cy - 0.12), 0.16, 0.1)
    canvas.fill(caruncle, scaled(skin_rgb(who.colouring), (0.9, 0.5, 0.5)), 0.7, 0.05)


def paint_eye(canvas: Canvas, who: Identity, face: Expression, side: int) -> None:
    """One eye with its lids, lashes and crease."""
    tone, shape = skin_rgb(who.colouring), who.shape
    lids = lids_of(who, face, side)
    cx, cy = eye_centre(who, side)
    half, fold = shape["eye_half_width"], shape["lid_fold"]
    socket = ellipse((cx - side * 0.1, cy + 0.25), half * 1.35, 1.15)
    canvas.fill(socket, scaled(tone, (0.6, 0.48, 0.45)), 0.3 + 0.2 * who.colouring.eye_shadow, 0.45)
    if who.makeup > 0.25:
        canvas.fill(
            ellipse((cx, cy + 0.65), half * 1.15, 0.55), (0.08, 0.04, 0.05), 0.4 * who.makeup, 0.3
        )
    _paint_ball(canvas, who, face, side, lids)
    lash = 0.13 + 0.12 * who.makeup
    canvas.line(lids.upper, lash, LASH, 0.9, 0.04)
    canvas.line(lids.lower, 0.07, scaled(tone, (0.35, 0.25, 0.23)), 0.6 + 0.3 * who.makeup, 0.04)
    if fold > 0.12:
        crease = lids.upper + np.array([0.0, 0.16 + 0.5 * fold])
        canvas.line(crease, 0.1, scaled(tone, (0.35, 0.25, 0.22)), 0.75, 0.06)


def brow_outline(who: Identity, face: Expression, side: int) -> Points:
    """Closed polygon of a brow, tapering outwards."""
    shape = who.shape
    raise_cm = 0.38 * face.brow_raise
    base = shape["brow_y"] + raise_cm
    inner, length = shape["brow_gap"], 2 * shape["brow_half_length"]
    half = 0.5 * shape["brow_thickness"]
    tilt, arch = shape["brow_tilt"], shape["brow_arch"]
    x = np.linspace(0, 1, 16)
    middle = base + tilt * (2 * x - 1) + arch * (np.sin(np.pi * x**1.25) - 0.45)
    thick = half * (0.75 + 0.45 * np.sin(np.pi * np.minimum(1, x * 1.3))) * (1 - x**3)
    side_cm = side * (inner + length * x)
    upper = np.column_stack([side_cm, middle + thick])
    return np.concatenate([upper, np.column_stack([side_cm, middle - thick])[::-1]])


def paint_brow(canvas: Canvas, who: Identity, face: Expression, side: int) -> None:
    """One brow: a soft shape and hairs over it."""
    hair = to_linear(who.colouring.hair_rgb)
    dark = scaled(hair, (0.6, 0.6, 0.6))
    outline = brow_outline(who, face, side)
    canvas.fill(outline, dark, 0.35 + 0.5 * who.brow_density, 0.12)
    rng = np.random.default_rng(who.texture_seed + 2)
    upper, lower = outline[:16], outline[:15:-1]
    for _ in range(int(14 * who.brow_density)):
        k = int(rng.integers(0, 14))
        start = lower[k] + (upper[k] - lower[k]) * rng.uniform(0, 0.7)
        end = start + np.array([side * 0.35, 0.25])
        canvas.line(np.stack([start, end]), 0.06, scaled(dark, (0.5, 0.5, 0.5)), 0.6)
