"""What is known of the quality of one face, as one flat record."""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of one face; the fields are `data.manifest.QUALITY_COLUMNS`.

    First the native measures, each in its own unit and explained in `data.quality.measures`; then
    the components, 0 (useless) to 100 (nothing to wish for), with the formulas of
    `data.quality.components`; then one figure for all.
    """

    detection_score: float
    """The detector's confidence, 0 to 1."""
    eye_distance_px: float
    """In pixels of the picture: how much detail there is."""
    alignment_residual_px: float
    """Root mean square distance of the aligned landmarks from the template, in crop pixels."""
    sharpness: float
    brightness: float
    contrast: float
    detail: float
    dark_share: float
    bright_share: float
    entropy_bits: float
    light_balance: float
    eye_texture: float
    mouth_texture: float
    skin_shift: float
    blockiness: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    detection_quality: float
    eye_distance_quality: float
    alignment_quality: float
    sharpness_quality: float
    underexposure_quality: float
    overexposure_quality: float
    dynamic_range_quality: float
    light_balance_quality: float
    eyes_visible_quality: float
    mouth_visible_quality: float
    skin_colour_quality: float
    compression_quality: float
    yaw_quality: float
    pitch_quality: float
    roll_quality: float
    quality: float
    """The face as a whole, 0 to 100."""


COMPONENTS: Final = tuple(f.name for f in fields(Quality) if f.name.endswith("_quality"))
NATIVE_MEASURES: Final = tuple(
    f.name for f in fields(Quality) if f.name not in {*COMPONENTS, "quality"}
)
