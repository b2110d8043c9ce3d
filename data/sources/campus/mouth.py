"""Lips, teeth, nostrils and the shadows of the nose, painted on the texture."""

from dataclasses import dataclass

import numpy as np

from data.sources.campus.canvas import Canvas, Points, ellipse, smooth
from data.sources.campus.capture import Expression
from data.sources.campus.identity import Identity
from data.sources.campus.skin import scaled, skin_rgb
from data.sources.campus.surface import mouth_y


@dataclass(frozen=True, slots=True)
class Lips:
    """Four curves from the image-left to the image-right corner."""

    top: Points
    top_inner: Points
    bottom_inner: Points
    bottom: Points


def mouth_corner(who: Identity, face: Expression, side: int) -> tuple[float, float]:
    """Side and height of a corner of the mouth."""
    half = who.shape["mouth_half_width"] * (1 + 0.16 * face.smile - 0.08 * face.mouth_open)
    lift = 0.42 * face.smile + who.shape["mouth_curve"]
    return (side * half, mouth_y(who.shape) + lift - 0.3 * face.mouth_open)


def lips_of(who: Identity, face: Expression) -> Lips:
    """The outlines of both lips."""
    shape = who.shape
    line = mouth_y(shape)
    right, corner = mouth_corner(who, face, 1)
    thin = 1 - 0.2 * face.smile
    upper, lower = max(0.2, shape["upper_lip"]) * thin, max(0.3, shape["lower_lip"]) * thin
    gap = 1.25 * face.mouth_open + 0.32 * max(0.0, face.smile - 0.45)
    bow = shape["cupid_bow"]
    x = np.linspace(-1, 1, 33)
    side = x * right
    ends = 1 - x**2
    rim = corner + (line - corner) * ends
    peak = np.exp(-(((np.abs(x) - 0.27) / 0.2) ** 2)) - 0.55 * np.exp(-((x / 0.14) ** 2))
    top = rim + 0.25 * gap * ends + upper * ends**0.75 + bow * peak * ends
    bottom = rim - gap * ends - lower * ends**0.65
    middle_top = rim + 0.25 * gap * ends - 0.06 * np.exp(-((x / 0.2) ** 2))
    middle_low = rim - gap * ends
    curves = (np.column_stack([side, c]) for c in (top, middle_top, middle_low, bottom))
    return Lips(*curves)


def paint_mouth(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Both lips, the line between them, and teeth where the mouth is open."""
    tone, depth = skin_rgb(who.colouring), who.colouring.lip_depth
    lips = lips_of(who, face)
    red = scaled(tone, (0.86 - 0.28 * depth, 0.62 - 0.3 * depth, 0.64 - 0.28 * depth))
    if who.makeup > 0.6:
        red = (red[0] * 0.75 + 0.06, red[1] * 0.5, red[2] * 0.55 + 0.008)
    upper = np.concatenate([lips.top, lips.top_inner[::-1]])
    lower = np.concatenate([lips.bottom_inner, lips.bottom[::-1]])
    canvas.fill(upper, scaled(red, (0.72, 0.68, 0.7)), 0.95, 0.07)
    canvas.fill(lower, red, 0.95, 0.09)
    shine = lips.bottom_inner * 0.5 + lips.bottom * 0.5
    canvas.line(shine[11:22], 0.2, scaled(red, (1.5, 1.5, 1.5)), 0.4, 0.12)
    inside = np.concatenate([lips.top_inner, lips.bottom_inner[::-1]])
    canvas.fill(inside, (0.02, 0.006, 0.006), 1.0, 0.04)
    gap = float(lips.top_inner[16, 1] - lips.bottom_inner[16, 1])
    if gap > 0.22:
        _paint_teeth(canvas, lips, gap)
    canvas.line(lips.top_inner, 0.12, scaled(tone, (0.2, 0.1, 0.1)), 0.85, 0.05)
    below = lips.bottom[9:24] - np.array([0.0, 0.3])
    canvas.line(below, 0.4, scaled(tone, (0.55, 0.45, 0.42)), 0.35, 0.2)
    for side in (-1, 1):
        spot = mouth_corner(who, face, side)
        inner = (spot[0] - 0.12 * side, spot[1])
        canvas.fill(ellipse(inner, 0.26, 0.2), scaled(tone, (0.3, 0.2, 0.19)), 0.75, 0.12)


def _paint_teeth(canvas: Canvas, lips: Lips, gap: float) -> None:
    inner = lips.top_inner[4:29]
    height = min(0.62, 0.8 * gap)
    fall = np.column_stack(
        [np.zeros(len(inner)), height * (1 - np.linspace(-1, 1, len(inner)) ** 4)]
    )
    canvas.fill(np.concatenate([inner, (inner - fall)[::-1]]), (0.68, 0.64, 0.56), 0.9, 0.05)


def paint_nose(canvas: Canvas, who: Identity) -> None:
    """Nostrils, the creases of the wings, the shade under the tip and beside the bridge."""
    tone, shape = skin_rgb(who.colouring), who.shape
    base, half = shape["nose_y"], shape["nose_half_width"]
    dark = scaled(tone, (0.42, 0.3, 0.27))
    under = smooth([(-half * 0.8, base - 0.2), (0, base - 0.5), (half * 0.8, base - 0.2)])
    canvas.line(under, 0.35, dark, 0.35, 0.25)
    for side in (-1, 1):
        hole = ellipse((side * half * 0.46, base - 0.16), 0.34 * half / 1.75, 0.15)
        canvas.fill(hole, (0.012, 0.006, 0.005), 0.9, 0.07)
        wing = smooth(
            [
                (side * (half - 0.25), base + 1.0),
                (side * (half + 0.12), base + 0.3),
                (side * (half - 0.1), base - 0.3),
            ]
        )
        canvas.line(wing, 0.16, dark, 0.6, 0.1)
        flank = np.array([(side * 0.95, 0.6), (side * 1.05, -1.4), (side * 1.25, base + 1.3)])
        canvas.line(flank, 0.5, scaled(tone, (0.7, 0.6, 0.57)), 0.28, 0.3)
