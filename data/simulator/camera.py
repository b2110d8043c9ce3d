"""What the gate's camera makes of the light: exposure, gain, noise, blur.

The camera meters face and background together. Against a bright door it exposes for the door, and
the face goes dark; in poor light it opens for as long as it may, then turns up the gain. Long
exposures blur whoever walks, gain brings noise (its standard deviation grows with the root of the
gain where photon noise rules).
"""

import math
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

EYE_DISTANCE_CM = 6.3


class CameraConfig(BaseModel):
    """The camera that stands at every gate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame_px: int = Field(default=400, ge=200, le=1024)
    """Side of the square frame. Real photos keep their own size."""
    eyes_px_at_1m: float = Field(default=80.0, gt=10)
    """Pixels between the eyes of a face one metre away."""
    exposure_lux_s: float = Field(default=6.0, gt=0)
    """Light times seconds of a right exposure without gain; 250 lux need 24 ms."""
    max_exposure_s: float = Field(default=1 / 50, gt=0)
    """The camera never opens for longer."""
    max_gain: float = Field(default=8.0, ge=1)
    """What is still missing then stays missing: the frame is dark."""
    face_weight: float = Field(default=0.6, ge=0, le=1)
    """Weight of the face in the metering; the rest is the background's."""
    metering_sd_ev: float = Field(default=0.25, ge=0, le=1)
    """Error of the metering in stops."""
    noise_sd: float = Field(default=2.0, ge=0)
    """Noise without gain, in grey levels of 255."""
    focus_cm: float = Field(default=100.0, gt=0)
    """Distance at which it is sharpest."""
    sharpest_px: float = Field(default=0.6, gt=0)
    """Sigma of the lens blur there."""
    blur_px_per_dioptre: float = Field(default=1.2, ge=0)
    """How fast the blur grows away from it."""
    jpeg_quality: tuple[int, int] = (60, 88)
    """Lowest and highest quality of its files."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one frame was taken."""

    time_s: float
    gain: float
    under_ev: float
    """Stops that the camera could not make up for; 0 or less."""
    backlight_ev: float
    """Stops that the face is too dark because the background was metered with it; 0 or more."""
    noise_sd: float


def expose(config: CameraConfig, face_lux: float, background_lux: float) -> Exposure:
    """Meter and expose a frame of a face before a background."""
    weight = config.face_weight
    metered = face_lux**weight * max(face_lux, background_lux) ** (1 - weight)
    wanted_s = config.exposure_lux_s / metered
    time_s = min(wanted_s, config.max_exposure_s)
    gain = min(max(1.0, wanted_s / time_s), config.max_gain)
    return Exposure(
        time_s=time_s,
        gain=gain,
        under_ev=min(0.0, math.log2(time_s * gain / wanted_s)),
        backlight_ev=math.log2(metered / face_lux),
        noise_sd=config.noise_sd * math.sqrt(gain),
    )


def eye_distance_px(config: CameraConfig, distance_cm: float) -> float:
    """Pixels between the eyes of a frontal face at a distance."""
    return config.eyes_px_at_1m * 100 / distance_cm


def motion_px(config: CameraConfig, speed_cm_s: float, time_s: float, distance_cm: float) -> float:
    """Length of the trace that a moving face leaves in the frame."""
    return speed_cm_s * time_s * eye_distance_px(config, distance_cm) / EYE_DISTANCE_CM


def defocus_px(config: CameraConfig, distance_cm: float) -> float:
    """Sigma of the lens blur at a distance."""
    off = abs(100 / distance_cm - 100 / config.focus_cm)
    return config.sharpest_px + config.blur_px_per_dioptre * off
