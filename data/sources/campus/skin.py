"""Skin: the Monk scale, mottling, blush, freckles, moles, wrinkles and shaved beards."""

from typing import Final

import cv2
import numpy as np

from data.sources.campus.canvas import Canvas, Rgb, ellipse, smooth, to_linear
from data.sources.campus.capture import Expression
from data.sources.campus.grid import (
    TEXTURE_HEIGHT,
    TEXTURE_WIDTH,
    FloatMap,
    bump,
    texture_axes,
)
from data.sources.campus.identity import Colouring, Identity
from data.sources.campus.surface import mouth_y

MONK_SRGB: Final = (
    # The ten tones of the Monk Skin Tone Scale (Monk 2019, CC BY 4.0)
    (0xF6, 0xED, 0xE4),
    (0xF3, 0xE7, 0xDB),
    (0xF7, 0xEA, 0xD0),
    (0xEA, 0xDA, 0xBA),
    (0xD7, 0xBD, 0x96),
    (0xA0, 0x7E, 0x56),
    (0x82, 0x5C, 0x43),
    (0x60, 0x41, 0x34),
    (0x3A, 0x31, 0x2A),
    (0x29, 0x24, 0x20),
)


def skin_rgb(colouring: Colouring) -> Rgb:
    """Linear RGB of the skin: the swatch, a little rosier or more golden, and never quite black."""
    r, g, b = (c / 255 for c in MONK_SRGB[colouring.monk_tone - 1])
    rosy = 0.5 - 0.5 * colouring.undertone
    light = (r + g + b) / 3
    r, g, b = r * 0.98, g * (0.91 - 0.09 * light * rosy), b * (0.84 - 0.1 * light + 0.08 * rosy)
    lift = 0.7 * max(0.0, 0.17 - light)  # the darkest tones keep some relief in an 8-bit picture
    return to_linear((r + lift * 1.35, g + lift, b + lift * 0.8))


def scaled(colour: Rgb, factors: Rgb) -> Rgb:
    """A colour times a factor for each channel."""
    return (colour[0] * factors[0], colour[1] * factors[1], colour[2] * factors[2])


def cloud(rng: np.random.Generator, cells: tuple[int, int]) -> FloatMap:
    """Smooth noise (H, W) of unit spread with a number of cells each way."""
    coarse = rng.standard_normal(cells).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (TEXTURE_WIDTH, TEXTURE_HEIGHT), interpolation=cv2.INTER_CUBIC)
    )


def base_skin(who: Identity) -> FloatMap:
    """Linear RGB (H, W, 3) of skin with mottling and blush; the same in all photos of a student."""
    rng = np.random.default_rng(who.texture_seed)
    s, y = texture_axes()
    tone = np.asarray(skin_rgb(who.colouring), dtype=np.float32)
    mottle = 0.035 * cloud(rng, (40, 52)) + 0.035 * cloud(rng, (12, 16))
    red = bump(s, y, (-4.3, -3.2), 1.7, 1.5) + bump(s, y, (4.3, -3.2), 1.7, 1.5)
    red += 0.8 * bump(s, y, (0, who.shape["nose_y"]), 1.4, 1.0)
    red += 0.35 * bump(s, y, (0, who.shape["chin_y"] + 1.2), 2.0, 1.0)
    red *= 0.1 + 0.22 * who.colouring.redness
    shade = np.stack([mottle + 0.15 * red, mottle - 0.75 * red, mottle - 0.6 * red], axis=-1)
    return np.asarray(tone * np.exp(shade), dtype=np.float32)


def paint_marks(canvas: Canvas, who: Identity) -> None:
    """Freckles and moles at their fixed places."""
    rng = np.random.default_rng(who.texture_seed + 1)
    tone = skin_rgb(who.colouring)
    brown = scaled(tone, (0.55, 0.42, 0.33))
    for _ in range(int(90 * who.freckles)):
        side, height = rng.normal(0, 3.2), rng.normal(-2.2, 1.6)
        spot = ellipse((float(side), float(height)), float(rng.uniform(0.06, 0.14)), 0.09)
        canvas.fill(spot, brown, 0.55 * float(rng.uniform(0.5, 1)), 0.03)
    for side, height, radius in who.moles_cm:
        canvas.fill(
            ellipse((side, height), radius, radius), scaled(tone, (0.3, 0.2, 0.16)), 0.9, 0.04
        )


def paint_age(canvas: Canvas, who: Identity, face: Expression) -> None:
    """Folds beside the mouth, lines of the forehead, crow's feet, rings under the eyes."""
    tone = skin_rgb(who.colouring)
    dark = scaled(tone, (0.62, 0.5, 0.45))
    shape, line = who.shape, mouth_y(who.shape)
    fold = min(0.75, 0.1 + 0.35 * who.wrinkles + 0.35 * face.smile)
    for side in (-1, 1):
        wing = shape["nose_half_width"] + 0.25
        end = shape["mouth_half_width"] + 0.75
        curve = smooth(
            [
                (side * wing, shape["nose_y"] + 0.1),
                (side * (end - 0.1), line + 1.2),
                (side * end, line - 0.2),
            ]
        )
        canvas.line(curve, 0.16, dark, fold, 0.14)
        eye = side * shape["eye_x"] * 1.02
        ring = smooth([(eye - side * 1.2, -0.75), (eye, -1.25), (eye + side * 1.2, -0.85)])
        canvas.line(
            ring, 0.55, scaled(tone, (0.6, 0.5, 0.52)), 0.12 + 0.4 * who.colouring.eye_shadow, 0.28
        )
        for k in range(3 if who.wrinkles > 0.3 else 0):
            foot = smooth([(eye + side * 1.75, 0.2 - 0.25 * k), (eye + side * 2.6, 0.5 - 0.55 * k)])
            canvas.line(foot, 0.08, dark, 0.3 * who.wrinkles + 0.3 * face.smile, 0.06)
    for k in range(3):
        height = shape["brow_y"] + 1.5 + 0.75 * k
        curve = smooth([(-3.4, height), (0.0, height + 0.2), (3.4, height)])
        canvas.line(curve, 0.1, dark, 0.45 * who.wrinkles + 0.2 * max(0.0, face.brow_raise), 0.09)
