"""Too little light, too much of it, and light from the wrong side."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.base import Change, Linear, luminance, to_linear, to_srgb_u8
from data.degrade.face_frame import FaceFrame
from data.degrade.person import person_cover
from data.face import RgbU8

_DARKEST_STOPS: Final = 5.0
_GAIN_SHARE: Final = 0.55
"""Share of the missing stops that the camera's gain brings back, noise and all."""
_FULL_WELL_E: Final = 3000.0
"""Electrons of a white pixel in good light: a small sensor."""
_READ_NOISE_E: Final = 6.0
_BRIGHTEST_STOPS: Final = 3.0
_NOISIEST_STOPS: Final = 5.0


def low_light(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - darkness falls on everything
    severity: float,
    rng: np.random.Generator,
) -> Change:
    """Take light away, add the sensor's shot and read noise, and lift a part of it again."""
    stops = severity * _DARKEST_STOPS
    electrons = to_linear(image_rgb_u8) * (_FULL_WELL_E * 2.0**-stops)
    deviation = np.sqrt(electrons + severity * _READ_NOISE_E**2)
    electrons += deviation * _sensor_noise(image_rgb_u8.shape, rng)
    light = electrons * (2.0 ** (_GAIN_SHARE * stops) / _FULL_WELL_E)
    grey = luminance(light)[..., None]
    return Change(to_srgb_u8(light + 0.35 * severity * (grey - light)))


def noise(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - it falls on everything
    severity: float,
    rng: np.random.Generator,
) -> Change:
    """Expose shorter and lift the picture to where it was: only the sensor's noise is left."""
    well_e = _FULL_WELL_E * 2.0 ** (-severity * _NOISIEST_STOPS)
    electrons = to_linear(image_rgb_u8) * well_e
    # In good light the noise is already in the photo; at severity 0 nothing is added.
    deviation = np.sqrt(severity * (electrons + _READ_NOISE_E**2))
    electrons += deviation * _sensor_noise(image_rgb_u8.shape, rng)
    return Change(to_srgb_u8(electrons / well_e))


def overexposure(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Expose too long: highlights clip and bleed into what is beside them."""
    light = to_linear(image_rgb_u8) * 2.0 ** (severity * _BRIGHTEST_STOPS)
    return Change(to_srgb_u8(_bloomed(light, 0.15 * frame.unit_px, 0.3)))


def glare(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Shine a lamp or low sun on one part of the face: it washes out, and a veil lies around it."""
    places = {"forehead": (0.0, -0.55), "left_cheek": (-0.6, 0.45), "right_cheek": (0.6, 0.45)}
    place = str(rng.choice(sorted(places)))
    centre = np.add(places[place], rng.uniform(-0.15, 0.15, 2))
    distance = np.linalg.norm(frame.coordinates(image_rgb_u8.shape[:2]) - centre, axis=-1)
    core, veil = _lobe(distance, 0.75), _lobe(distance, 2.0)
    light = to_linear(image_rgb_u8)
    # Skin shines where it is bright already: forehead, nose and cheekbones.
    shine = np.clip(luminance(light) / _face_level(light, frame), 0.5, 2.0)
    light = light * (1 + severity * 8 * core * shine)[..., None]
    light = light + (severity * 0.25 * veil)[..., None]
    return Change(to_srgb_u8(_bloomed(light, 0.3 * frame.unit_px, 0.25)), {"place": place})


def backlight(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Put a bright window behind the person: the face goes dark, stray light lies over it."""
    light = to_linear(image_rgb_u8)
    person = person_cover(image_rgb_u8, frame)[..., None]
    window = light * (1 + 4 * severity) + 0.55 * severity
    scene = person * light * 2.0 ** (-2.6 * severity) + (1 - person) * window
    stray = cv2.GaussianBlur(np.minimum(scene, 1.5), (0, 0), 0.8 * frame.unit_px)
    return Change(to_srgb_u8(scene + 0.12 * severity * stray))


def _sensor_noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal noise of variance 1, a little smeared, as demosaicing leaves it."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    smeared: NDArray[np.float32] = cv2.GaussianBlur(noise, (0, 0), 0.6).astype(np.float32)
    return smeared / max(float(smeared.std()), 1e-6)


def _bloomed(light: Linear, sigma_px: float, share: float) -> Linear:
    excess = np.clip(light - 1, 0, 4)
    return light + share * cv2.GaussianBlur(excess, (0, 0), max(sigma_px, 0.3)).reshape(light.shape)


def _lobe(distance: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(-0.5 * (distance / (0.6 * radius)) ** 2), dtype=np.float32)


def _face_level(light: Linear, frame: FaceFrame) -> float:
    """Median luminance between brows and mouth; 0.2 where the face lies outside the picture."""
    xs, ys = np.hsplit(np.rint(frame.landmarks_px).astype(int), 2)
    part = light[max(ys.min(), 0) : max(ys.max(), 0) + 1, max(xs.min(), 0) : max(xs.max(), 0) + 1]
    return max(float(np.median(luminance(part))), 0.02) if part.size else 0.2
