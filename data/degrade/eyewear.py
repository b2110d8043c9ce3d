"""Glasses and sunglasses: frames in three dimensions, lenses that tint, reflect and shade."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change, Facts
from data.degrade.canvas import FaceCanvas
from data.degrade.face_frame import FaceFrame, PointsPx
from data.face import RgbU8

_FRAME_COLOURS: Final = {
    "black": (0.015, 0.015, 0.017),
    "tortoise": (0.09, 0.035, 0.012),
    "silver": (0.35, 0.35, 0.37),
    "navy": (0.015, 0.025, 0.08),
}
_TINTS: Final = {"grey": (1.0, 1.0, 1.0), "brown": (1.4, 0.95, 0.6), "green": (0.8, 1.1, 0.75)}


@dataclass(frozen=True, slots=True)
class _Model:
    """A pair of glasses; lengths in eye distances."""

    half_width: float
    half_height: float
    roundness: float
    """Exponent of the outline's superellipse: 2 an ellipse, 5 nearly a rectangle."""
    rim: float
    """Width of the frame's rim."""
    colour: str


def glasses(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Put glasses on: from a thin wire to a heavy frame, with stronger and stronger reflections."""
    half_width, half_height, roundness, colour = _drawn(rng)
    model = _Model(
        half_width * (0.38 + 0.06 * severity),
        half_height * (0.26 + 0.06 * severity),
        roundness,
        0.02 + 0.09 * severity,
        colour,
    )
    canvas = FaceCanvas(image_rgb_u8, frame)
    lenses = [canvas.fill(frame.project(_lens(side, model))) for side in (-1, 1)]
    for cover in lenses:
        canvas.darken(cover, 0.12)
        canvas.paint(0.55 * severity * cover * _streak(canvas, 0.16), np.full(3, 0.8, np.float32))
    _put_on(canvas, model)
    return Change(canvas.finish(), {"frame_colour": colour})


def sunglasses(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Put sunglasses on: the lenses grow and let less and less light through."""
    half_width, half_height, roundness, colour = _drawn(rng)
    tint = str(rng.choice(sorted(_TINTS)))
    size = 1 + 0.15 * severity
    model = _Model(
        half_width * 0.42 * size,
        half_height * 0.34 * size,
        roundness,
        0.04 + 0.04 * severity,
        colour,
    )
    opacity = min(0.99, 1.35 * severity / (0.35 + severity))
    canvas = FaceCanvas(image_rgb_u8, frame)
    for side in (-1, 1):
        cover = canvas.fill(frame.project(_lens(side, model)))
        gradient = np.clip(1.05 - 0.12 * canvas.coordinates()[..., 1], 0.8, 1.05)
        canvas.paint(opacity * cover * np.minimum(gradient, 1), _lens_colour(tint))
        canvas.paint(0.05 * severity * cover * _streak(canvas, 0.2), np.full(3, 0.5, np.float32))
    _put_on(canvas, model)
    facts: Facts = {"frame_colour": colour, "tint": tint, "lens_opacity": opacity}
    return Change(canvas.finish(), facts)


def _drawn(rng: np.random.Generator) -> tuple[float, float, float, str]:
    """Relative width and height of the lenses, their roundness, and the frame's colour."""
    width, height = rng.uniform(0.95, 1.08), rng.uniform(0.88, 1.15)
    colour = str(rng.choice(sorted(_FRAME_COLOURS)))
    return width, height, float(rng.uniform(2.2, 4.0)), colour


def _lens_colour(tint: str) -> NDArray[np.float32]:
    return 0.015 * np.array(_TINTS[tint], np.float32)


def _lens(side: int, model: _Model) -> NDArray[np.float64]:
    """Outline (n, 3) of one lens, a little wrapped around the face, lower at the nose's side."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    power = 2 / model.roundness
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * model.half_width
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * model.half_height
    x = x * (1 - 0.10 * np.clip(y / model.half_height, 0, 1))
    x = x + side * 0.54
    return np.column_stack([x, y + 0.06, 0.22 - 0.22 * (np.abs(x) - 0.1)])


def _put_on(canvas: FaceCanvas, model: _Model) -> None:
    """Draw shadow, temples, bridge and rims, from back to front."""
    frame = canvas.frame
    width_px = model.rim * frame.unit_px
    colour = np.array(_FRAME_COLOURS[model.colour], np.float32)
    rims = [frame.project(_lens(side, model)) for side in (-1, 1)]
    below = np.array([0, 0.09 * frame.unit_px])
    shadows = [canvas.stroke(rim + below, width_px, True) for rim in rims]
    canvas.darken(canvas.soften(np.maximum(*shadows), 0.05), 0.35)
    for line, share in [*_temples(frame, model), (_bridge(frame, model), 1.1)]:
        canvas.paint(canvas.stroke(line, share * width_px), colour)
    for rim in rims:
        canvas.paint(canvas.stroke(rim, width_px, True), colour)
        shine = canvas.stroke(rim - 0.22 * width_px, 0.25 * width_px, True)
        canvas.paint(0.25 * shine, np.full(3, 0.5, np.float32))


def _temples(frame: FaceFrame, model: _Model) -> list[tuple[PointsPx, float]]:
    """Arms to the ears; the far one of a turned head hides behind it."""
    arms = []
    for side in (-1, 1):
        hinge = (side * (0.54 + model.half_width), -0.03, 0.22 - 0.22 * (0.44 + model.half_width))
        line = frame.project([hinge, (side * 1.08, 0.0, -0.35), (side * 1.13, 0.06, -0.9)])
        outwards = side * (line[-1, 0] - line[0, 0]) * np.sign(frame.camera[0, 0])
        if outwards > 0.02 * frame.unit_px:
            arms.append((line, 0.8))
    return arms


def _bridge(frame: FaceFrame, model: _Model) -> PointsPx:
    inner = 0.54 - model.half_width
    across = np.linspace(-1, 1, 9)
    return frame.project(
        np.column_stack([inner * across, -0.06 - 0.05 * (1 - across**2), np.full(9, 0.30)])
    )


def _streak(canvas: FaceCanvas, width: float) -> NDArray[np.float32]:
    """A window's reflection: a slanting band on each lens, with a narrower one beside it."""
    x, y = np.moveaxis(canvas.coordinates(), -1, 0)
    across = np.abs(x) - 0.54 + 0.6 * y
    band = np.clip((width / 2 - np.abs(across + 0.05)) / 0.14 + 0.5, 0, 1)
    second = np.clip((width / 7 - np.abs(across - width)) / 0.14 + 0.5, 0, 1)
    return np.asarray(np.maximum(band, 0.6 * second), dtype=np.float32)
