"""Everything about one gate frame but who is on it: light, camera and stance put together."""

from dataclasses import dataclass

import numpy as np

from data.simulator.behaviour import BehaviourConfig, Stance
from data.simulator.camera import (
    CameraConfig,
    defocus_px,
    expose,
    eye_distance_px,
    motion_px,
)

_STRAIGHT = 0.4


@dataclass(frozen=True, slots=True)
class GateLight:
    """The light at one gate in one minute."""

    face_lux: float
    """On the face: lamps, and what daylight reaches it."""
    background_lux: float
    """What the camera sees behind the face, as the illuminance that would look the same."""
    daylight_share: float
    """Of the light on the face, 0..1."""
    door_azimuth_deg: float
    """Where that daylight comes from, seen from the face: 0 from the camera, 90 from the side."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """One gate frame, apart from the person."""

    stance: Stance
    light: GateLight
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    eye_distance_px: float
    """Of a frontal face at this distance."""
    exposure_ev: float
    """Stops by which the whole frame is too bright, or too dark where negative."""
    backlight_ev: float
    """Stops that the face is too dark because the camera exposed for a bright door."""
    noise_sd: float
    """Grey levels of 255."""
    defocus_px: float
    motion_px: float
    motion_angle_deg: float
    jpeg_quality: int
    seed: int
    """Fixes all else: expression, background, the place of hand and cap, the noise."""


def draw_conditions(
    behaviour: BehaviourConfig,
    camera: CameraConfig,
    stance: Stance,
    light: GateLight,
    rng: np.random.Generator,
) -> Conditions:
    """One frame of a stance in a light."""
    exposure = expose(camera, light.face_lux, light.background_lux)
    turn = _STRAIGHT if stance.looks_straight else 1.0
    spreads = (behaviour.yaw_sd_deg, behaviour.pitch_sd_deg, behaviour.roll_sd_deg)
    yaw, pitch, roll = turn * rng.normal(0, spreads)
    speed = behaviour.walking_cm_s if stance.walking else behaviour.standing_cm_s
    speed *= float(np.exp(rng.normal(0, 0.4)))
    trace_px = motion_px(camera, speed, exposure.time_s, stance.distance_cm)
    low, high = camera.jpeg_quality
    return Conditions(
        stance=stance,
        light=light,
        yaw_deg=float(np.clip(yaw, -40, 40)),
        pitch_deg=float(np.clip(pitch, -22, 22)),
        roll_deg=float(np.clip(roll, -25, 25)),
        eye_distance_px=eye_distance_px(camera, stance.distance_cm),
        exposure_ev=exposure.under_ev + float(rng.normal(0, camera.metering_sd_ev)),
        backlight_ev=exposure.backlight_ev,
        noise_sd=exposure.noise_sd,
        defocus_px=defocus_px(camera, stance.distance_cm),
        motion_px=min(trace_px, 0.5 * eye_distance_px(camera, stance.distance_cm)),
        motion_angle_deg=float(rng.normal(0, 15) % 180),
        jpeg_quality=int(rng.integers(low, high + 1)),
        seed=int(rng.integers(2**63)),
    )
