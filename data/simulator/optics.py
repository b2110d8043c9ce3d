"""From a sharp picture of somebody at the gate to the JPEG file of the gate's camera."""

from typing import Final

import numpy as np

from data.degrade.base import to_linear, to_srgb_u8
from data.degrade.degrade import degrade
from data.face import LandmarksPx, RgbU8
from data.simulator.clothing import put_on_cap, put_on_scarf
from data.simulator.conditions import Conditions
from data.simulator.streams import stream
from data.sources.campus.capture import Film
from data.sources.campus.film import blur, encode, grain

_BACKLIGHT_STOPS: Final = 2.6
"""By which `data.degrade`'s backlight darkens the face at severity 1."""
_LEAST_BACKLIGHT_STOPS: Final = 0.15
"""Nobody sees less, and finding the outline of the person takes longer than rendering them."""
_MASK_SEVERITY: Final = (0.6, 1.0)
_HAND_SEVERITY: Final = (0.5, 1.0)


def cover_face(
    image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, conditions: Conditions, *, mask: bool
) -> RgbU8:
    """Put on what hides a part of the face: scarf, mask where `mask` says so, cap, hand."""
    stance, seed, image = conditions.stance, conditions.seed, image_rgb_u8
    if stance.scarf:
        image = put_on_scarf(image, landmarks_px, stream(seed, "scarf"))
    if stance.mask and mask:
        image = degrade(image, landmarks_px, "mask", _severity(_MASK_SEVERITY, seed, "mask"), seed)
    if stance.cap:
        image = put_on_cap(image, landmarks_px, stream(seed, "cap"))
    if stance.hand:
        image = degrade(image, landmarks_px, "hand", _severity(_HAND_SEVERITY, seed, "hand"), seed)
    return image


def put_before_door(
    image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, conditions: Conditions
) -> RgbU8:
    """Darken the face and brighten what is behind it, as far as the camera exposed for a door."""
    if conditions.backlight_ev < _LEAST_BACKLIGHT_STOPS:
        return image_rgb_u8
    severity = min(1.0, conditions.backlight_ev / _BACKLIGHT_STOPS)
    return degrade(image_rgb_u8, landmarks_px, "backlight", severity, conditions.seed)


def expose_by(image_rgb_u8: RgbU8, stops: float) -> RgbU8:
    """Give the whole picture more or less light."""
    return to_srgb_u8(to_linear(image_rgb_u8) * np.float32(2.0**stops))


def film_of(conditions: Conditions, scale: float = 1.0) -> Film:
    """Blur, noise and file quality; `scale` is the picture's pixels for one of the gate frame's."""
    return Film(
        exposure_gain=1.0,
        channel_gain=(1.0, 1.0, 1.0),
        defocus_px=conditions.defocus_px * scale,
        motion_px=conditions.motion_px * scale,
        motion_angle_deg=conditions.motion_angle_deg,
        noise_sd=conditions.noise_sd,
        jpeg_quality=conditions.jpeg_quality,
    )


def through_camera(image_rgb_u8: RgbU8, film: Film, seed: int) -> bytes:
    """Blur, noise and JPEG."""
    return encode(grain(blur(image_rgb_u8, film), film, stream(seed, "grain")), film)


def _severity(span: tuple[float, float], seed: int, name: str) -> float:
    return float(stream(seed, "severity", name).uniform(*span))
