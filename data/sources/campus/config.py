"""What the campus looks like: how many students, and how their photographs vary."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import SourceError
from data.manifest import CaptureKind


class CampusConfigError(SourceError):
    """The campus asked for cannot exist; the message names each wrong field."""


Share = float
"""A probability, 0 to 1."""


class CaptureConfig(BaseModel):
    """How photographs of one capture kind vary. Spreads are standard deviations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: int = Field(ge=160, le=1024)
    """Width of the picture."""
    height_px: int = Field(ge=160, le=1024)
    """Height of the picture."""
    eye_distance_px: tuple[float, float]
    """Smallest and largest distance between the eyes of a frontal face; drawn uniformly."""
    camera_distance_cm: tuple[float, float]
    """Smallest and largest distance of the camera; nearer distorts more."""
    yaw_sd_deg: float = Field(ge=0, le=40)
    """Turn of the head to the side."""
    pitch_sd_deg: float = Field(ge=0, le=25)
    """Nod of the head."""
    roll_sd_deg: float = Field(ge=0, le=25)
    """Tilt of the head."""
    smile_share: Share = Field(ge=0, le=1)
    """Photos with a smile; the rest are near neutral."""
    mouth_open_share: Share = Field(ge=0, le=1)
    """Photos with the mouth open."""
    eyes_closed_share: Share = Field(ge=0, le=1)
    """Photos taken in the middle of a blink."""
    side_light_share: Share = Field(ge=0, le=1)
    """Photos lit from one side."""
    dim_share: Share = Field(ge=0, le=1)
    """Photos taken in poor light: dark and noisy."""
    bright_share: Share = Field(ge=0, le=1)
    """Photos taken in too much light."""
    exposure_sd_ev: float = Field(ge=0, le=1.5)
    """Exposure error in stops."""
    colour_cast_sd: float = Field(ge=0, le=0.3)
    """White balance error, as a relative gain of each channel."""
    defocus_px: tuple[float, float]
    """Smallest and largest sigma of the lens blur."""
    motion_share: Share = Field(ge=0, le=1)
    """Photos with motion blur."""
    noise_sd: tuple[float, float]
    """Smallest and largest sensor noise, in grey levels of 255."""
    glasses_share: Share = Field(ge=0, le=1)
    """Photos with glasses, over all students."""
    mask_share: Share = Field(ge=0, le=1)
    """Photos with a surgical mask."""
    jpeg_quality: tuple[int, int]
    """Lowest and highest JPEG quality; drawn uniformly."""

    @model_validator(mode="after")
    def _check(self) -> "CaptureConfig":
        for name in ("eye_distance_px", "camera_distance_cm", "defocus_px", "noise_sd"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"{name}: {low}..{high} is no range; give the smaller value first")
        if not 1 <= self.jpeg_quality[0] <= self.jpeg_quality[1] <= 100:
            raise ValueError(f"jpeg_quality: {self.jpeg_quality} must rise within 1..100")
        if self.camera_distance_cm[0] < 40:
            raise ValueError("camera_distance_cm: below 40 cm a face does not fit the lens")
        room_px = min(self.width_px, self.height_px)
        if self.eye_distance_px[0] < 16 or self.eye_distance_px[1] > room_px / 3:
            raise ValueError(
                f"eye_distance_px: {self.eye_distance_px} must lie within 16..{room_px / 3:.0f},"
                " a third of the picture's shorter side"
            )
        if self.side_light_share + self.dim_share + self.bright_share > 1:
            raise ValueError("side_light_share + dim_share + bright_share are more than 1")
        return self


def id_photo_defaults() -> CaptureConfig:
    """A passport booth: frontal, even light, plain background."""
    return CaptureConfig(
        width_px=336,
        height_px=432,
        eye_distance_px=(70, 84),
        camera_distance_cm=(110, 160),
        yaw_sd_deg=2.5,
        pitch_sd_deg=2.0,
        roll_sd_deg=1.5,
        smile_share=0.15,
        mouth_open_share=0.0,
        eyes_closed_share=0.0,
        side_light_share=0.05,
        dim_share=0.0,
        bright_share=0.05,
        exposure_sd_ev=0.12,
        colour_cast_sd=0.02,
        defocus_px=(0.3, 0.7),
        motion_share=0.0,
        noise_sd=(0.8, 2.0),
        glasses_share=0.1,
        mask_share=0.0,
        jpeg_quality=(88, 96),
    )


def webcam_defaults() -> CaptureConfig:
    """A laptop at home: near, from below or above, room light."""
    return CaptureConfig(
        width_px=448,
        height_px=384,
        eye_distance_px=(56, 84),
        camera_distance_cm=(50, 85),
        yaw_sd_deg=9.0,
        pitch_sd_deg=6.0,
        roll_sd_deg=4.0,
        smile_share=0.35,
        mouth_open_share=0.08,
        eyes_closed_share=0.02,
        side_light_share=0.2,
        dim_share=0.08,
        bright_share=0.08,
        exposure_sd_ev=0.25,
        colour_cast_sd=0.05,
        defocus_px=(0.5, 1.1),
        motion_share=0.05,
        noise_sd=(1.5, 5.0),
        glasses_share=0.25,
        mask_share=0.04,
        jpeg_quality=(65, 90),
    )


def gate_defaults() -> CaptureConfig:
    """The camera at the hall: people walk up, some in poor light."""
    return CaptureConfig(
        width_px=400,
        height_px=400,
        eye_distance_px=(44, 72),
        camera_distance_cm=(70, 180),
        yaw_sd_deg=12.0,
        pitch_sd_deg=7.0,
        roll_sd_deg=5.0,
        smile_share=0.25,
        mouth_open_share=0.12,
        eyes_closed_share=0.03,
        side_light_share=0.25,
        dim_share=0.12,
        bright_share=0.1,
        exposure_sd_ev=0.35,
        colour_cast_sd=0.06,
        defocus_px=(0.5, 1.4),
        motion_share=0.12,
        noise_sd=(2.0, 7.0),
        glasses_share=0.25,
        mask_share=0.04,
        jpeg_quality=(55, 88),
    )


class CampusConfig(BaseModel):
    """A campus of students and the photographs taken of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=20, ge=0, lt=2**63)
    """Everything follows from it."""
    num_subjects: int = Field(default=300, ge=1, le=1_000_000)
    """Students."""
    photos_per_subject: int = Field(default=12, ge=1, le=1_000)
    """Photographs of each; the first is always an ID photo."""
    sibling_share: Share = Field(default=0.2, ge=0, le=1)
    """Students who have a sibling among the students."""
    sibling_likeness: Share = Field(default=0.5, ge=0, le=1)
    """Share of the variance of face geometry that siblings have in common."""
    glasses_wearer_share: Share = Field(default=0.4, ge=0, le=1)
    """Students who own glasses; the same students wear them in all their photos with glasses."""
    webcam_share: Share = Field(default=0.35, ge=0, le=1)
    """Webcam photos among the photos after the first."""
    gate_share: Share = Field(default=0.5, ge=0, le=1)
    """Gate photos among the photos after the first; the rest are further ID photos."""
    id_photo: CaptureConfig = Field(default_factory=id_photo_defaults)
    """How ID photos vary."""
    webcam: CaptureConfig = Field(default_factory=webcam_defaults)
    """How webcam photos vary."""
    gate: CaptureConfig = Field(default_factory=gate_defaults)
    """How gate photos vary."""

    @property
    def num_photos(self) -> int:
        """Photographs on the whole campus."""
        return self.num_subjects * self.photos_per_subject

    def capture(self, kind: CaptureKind) -> CaptureConfig:
        """The variation of one capture kind."""
        return {"id_photo": self.id_photo, "webcam": self.webcam, "gate": self.gate}[kind]

    @model_validator(mode="after")
    def _check(self) -> "CampusConfig":
        if self.webcam_share + self.gate_share > 1:
            raise ValueError("webcam_share + gate_share are more than 1; lower one of them")
        for kind in (self.id_photo, self.webcam, self.gate):
            if kind.glasses_share > self.glasses_wearer_share:
                raise ValueError(
                    f"glasses_share {kind.glasses_share} is more than glasses_wearer_share"
                    f" {self.glasses_wearer_share}; raise the share of students who own glasses"
                )
        return self


def parse_campus_config(values: Mapping[str, Any]) -> CampusConfig:
    """Build a config from plain values; raises `CampusConfigError` that names each wrong field."""
    try:
        return CampusConfig.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'campus'}: {e['msg']}" for e in error.errors()
        )
        raise CampusConfigError(f"campus config: {wrong}") from error
