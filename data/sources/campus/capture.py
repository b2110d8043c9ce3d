"""How one photograph came about: pose, expression, light, camera and what is worn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.manifest import CaptureKind
from data.sources.campus.config import CampusConfig, CaptureConfig
from data.sources.campus.identity import Identity
from data.sources.campus.streams import photo_stream

Lighting = Literal["even", "side", "dim", "bright"]


@dataclass(frozen=True, slots=True)
class Expression:
    """What the face does, each 0..1 except `brow_raise` and the gaze, which go both ways."""

    smile: float
    mouth_open: float
    eye_closure: float
    brow_raise: float
    gaze_x: float
    gaze_y: float


@dataclass(frozen=True, slots=True)
class Light:
    """Key light in camera coordinates (x right, y up, z to the camera) over a sky of ambient."""

    band: Lighting
    direction: tuple[float, float, float]
    key: float
    ambient: float
    warmth: float
    softness: float


@dataclass(frozen=True, slots=True)
class Film:
    """What lens, sensor and encoder do to the picture."""

    exposure_gain: float
    channel_gain: tuple[float, float, float]
    defocus_px: float
    motion_px: float
    motion_angle_deg: float
    noise_sd: float
    jpeg_quality: int


@dataclass(frozen=True, slots=True)
class Capture:
    """All that is particular to one photograph."""

    photo: int
    kind: CaptureKind
    width_px: int
    height_px: int
    eye_distance_px: float
    camera_distance_cm: float
    centre_offset_px: tuple[float, float]
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    expression: Expression
    light: Light
    film: Film
    glasses: bool
    mask: bool
    scene_seed: int
    """Fixes background, clothes, mask colour and the noise pattern."""


def _kind(config: CampusConfig, photo: int, rng: np.random.Generator) -> CaptureKind:
    draw = rng.random()
    if photo == 0:
        return "id_photo"
    if draw < config.gate_share:
        return "gate"
    return "webcam" if draw < config.gate_share + config.webcam_share else "id_photo"


def _expression(c: CaptureConfig, rng: np.random.Generator) -> Expression:
    smile, opened, closed = rng.random(3)
    return Expression(
        smile=float(rng.uniform(0.4, 1) if smile < c.smile_share else rng.uniform(0, 0.15)),
        mouth_open=float(rng.uniform(0.25, 0.9) if opened < c.mouth_open_share else 0.0),
        eye_closure=float(
            rng.uniform(0.75, 1) if closed < c.eyes_closed_share else rng.uniform(0, 0.25)
        ),
        brow_raise=float(np.clip(rng.normal(0, 0.35), -1, 1)),
        gaze_x=float(np.clip(rng.normal(0, 0.25), -1, 1)),
        gaze_y=float(np.clip(rng.normal(0, 0.2), -1, 1)),
    )


def _band(c: CaptureConfig, draw: float) -> Lighting:
    if draw < c.side_light_share:
        return "side"
    if draw < c.side_light_share + c.dim_share:
        return "dim"
    return "bright" if draw < c.side_light_share + c.dim_share + c.bright_share else "even"


def _light(c: CaptureConfig, rng: np.random.Generator) -> Light:
    band = _band(c, float(rng.random()))
    side = rng.choice((-1.0, 1.0))
    azimuth = side * (rng.uniform(45, 70) if band == "side" else abs(rng.normal(0, 22)))
    elevation = rng.uniform(15, 50)
    az, el = np.radians(azimuth), np.radians(elevation)
    key, ambient = {
        "even": (rng.uniform(0.5, 0.75), rng.uniform(0.4, 0.55)),
        "side": (rng.uniform(0.75, 1.0), rng.uniform(0.25, 0.38)),
        "dim": (rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.42)),
        "bright": (rng.uniform(0.7, 1.0), rng.uniform(0.5, 0.65)),
    }[band]
    direction = (np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el))
    return Light(
        band=band,
        direction=(float(direction[0]), float(direction[1]), float(direction[2])),
        key=float(key),
        ambient=float(ambient),
        warmth=float(rng.normal(0, 0.05)),
        softness=float(rng.uniform(0.15, 0.5)),
    )


def _film(c: CaptureConfig, band: Lighting, rng: np.random.Generator) -> Film:
    stops = rng.normal(0, c.exposure_sd_ev) + {"dim": -1.3, "bright": 0.4}.get(band, 0.0)
    gains = np.clip(1 + rng.normal(0, c.colour_cast_sd, 3), 0.7, 1.4)
    moving = rng.random() < c.motion_share
    low, high = c.jpeg_quality
    return Film(
        exposure_gain=float(2.0 ** np.clip(stops, -2.2, 1.0)),
        channel_gain=(float(gains[0]), float(gains[1]), float(gains[2])),
        defocus_px=float(rng.uniform(*c.defocus_px)),
        motion_px=float(rng.uniform(2, 7)) if moving else 0.0,
        motion_angle_deg=float(rng.uniform(0, 180)),
        noise_sd=float(rng.uniform(*c.noise_sd)) * (1.8 if band == "dim" else 1.0),
        jpeg_quality=int(rng.integers(low, high + 1)),
    )


def _wears_glasses(config: CampusConfig, c: CaptureConfig, who: Identity, draw: float) -> bool:
    return who.owns_glasses and draw * config.glasses_wearer_share < c.glasses_share


def sample_capture(config: CampusConfig, who: Identity, photo: int) -> Capture:
    """Draw one photograph; depends only on the seed, the student and the photo's number."""
    rng = photo_stream(config.seed, who.subject, photo)
    kind = _kind(config, photo, rng)
    c = config.capture(kind)
    light = _light(c, rng)
    wear = rng.random(2)
    return Capture(
        photo=photo,
        kind=kind,
        width_px=c.width_px,
        height_px=c.height_px,
        eye_distance_px=float(rng.uniform(*c.eye_distance_px)),
        camera_distance_cm=float(rng.uniform(*c.camera_distance_cm)),
        centre_offset_px=_offset(kind, c, rng),
        yaw_deg=float(np.clip(rng.normal(0, c.yaw_sd_deg), -40, 40)),
        pitch_deg=float(np.clip(rng.normal(0, c.pitch_sd_deg), -22, 22)),
        roll_deg=float(np.clip(rng.normal(0, c.roll_sd_deg), -25, 25)),
        expression=_expression(c, rng),
        light=light,
        film=_film(c, light.band, rng),
        glasses=_wears_glasses(config, c, who, float(wear[0])),
        mask=bool(wear[1] < c.mask_share),
        scene_seed=int(rng.integers(2**31)),
    )


def _offset(kind: CaptureKind, c: CaptureConfig, rng: np.random.Generator) -> tuple[float, float]:
    spread = 0.01 if kind == "id_photo" else 0.07
    x, y = np.clip(rng.normal(0, spread, 2), -2 * spread, 2 * spread)
    return float(x * c.width_px), float(y * c.height_px)
