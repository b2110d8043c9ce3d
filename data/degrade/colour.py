"""Another exposure, tone curve or colour of light, as cameras and their software differ."""

from typing import Final

import numpy as np

from data.degrade.base import Change, luminance, to_linear, to_srgb_u8
from data.degrade.face_frame import FaceFrame
from data.face import RgbU8

_LARGEST_GAIN: Final = 0.5
_LARGEST_CAST_STOPS: Final = 0.5
"""Red up and blue down, or the other way round: a lamp against a window."""


def brightness(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,
    rng: np.random.Generator,
) -> Change:
    """Multiply grey levels by up to 1.5 or down to 0.5, which of both is drawn."""
    gain = 1 + _sign(rng) * severity * _LARGEST_GAIN
    scaled = np.rint(image_rgb_u8 * np.float32(gain))
    return Change(np.clip(scaled, 0, 255).astype(np.uint8), {"gain": gain})


def gamma(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,
    rng: np.random.Generator,
) -> Change:
    """Bend the tone curve by an exponent of up to 2 or down to 0.5; black and white stay."""
    exponent = 2.0 ** (_sign(rng) * severity)
    levels = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return Change(levels[image_rgb_u8], {"exponent": exponent})


def white_balance(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,
    rng: np.random.Generator,
) -> Change:
    """Tint the light warm or cold, by up to half a stop in red and in blue."""
    stops = _sign(rng) * severity * _LARGEST_CAST_STOPS
    gains = np.array([2.0**stops, 1.0, 2.0**-stops], np.float32)
    return Change(to_srgb_u8(to_linear(image_rgb_u8) * gains), {"red_stops": stops})


def greyscale(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Take the colour away; at severity 1 none is left."""
    light = to_linear(image_rgb_u8)
    grey = luminance(light)[..., None]
    return Change(to_srgb_u8(light + severity * (grey - light)))


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))
