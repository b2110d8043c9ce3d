"""From native measures to components of 0 to 100, after ISO/IEC 29794-5.

The standard's components and directions, not its algorithms: a blurred photo has less sharpness
here and there, but the numbers are not comparable and no conformance is claimed. As in OFIQ, the
open reference implementation, most components are a logistic curve, 100 / (1 + exp((x0 - x) / w)):
50 at `x0`, and steeper the smaller `w`. The constants put a good photo near 100, and 50 where
photos begin to be rare or to hurt, on Labeled Faces in the Wild and the synthetic campus.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from data.quality.measures import CropMeasures
from data.quality.pose import HeadPose


@dataclass(frozen=True, slots=True)
class Logistic:
    """A curve from 0 to 100, falling where `width` is negative."""

    middle: float
    width: float

    def __call__(self, value: float) -> float:
        """0 to 100; NaN counts as 0."""
        if np.isnan(value):
            return 0.0
        return float(100 / (1 + np.exp(np.clip((self.middle - value) / self.width, -50, 50))))


ALIGNMENT: Final = Logistic(7.0, -1.2)
SHARPNESS: Final = Logistic(0.10, 0.02)
DARK_SHARE: Final = Logistic(0.25, -0.06)
DARKNESS: Final = Logistic(45.0, 8.0)
BRIGHT_SHARE: Final = Logistic(0.15, -0.04)
BRIGHTNESS: Final = Logistic(215.0, -8.0)
EYES_VISIBLE: Final = Logistic(0.7, 0.25)
MOUTH_VISIBLE: Final = Logistic(0.7, 0.2)
SKIN_COLOUR: Final = Logistic(25.0, -5.0)
COMPRESSION: Final = Logistic(1.8, -0.15)
EYE_DISTANCE_PX: Final = (10.0, 40.0)
"""0 at the first, 100 from the second on, a straight line between; the crop has 35 pixels."""


def of_crop(measures: CropMeasures) -> dict[str, float]:
    """Components of an aligned crop.

    Exposure is the worse of two curves, of the share of black (white) pixels and of the mean luma.
    Dynamic range is 12.5 times the entropy in bits, and light balance 100 times the common part of
    both cheeks' histograms to the power of 0.3; both as in OFIQ.
    """
    return {
        "sharpness_quality": SHARPNESS(measures.detail),
        "underexposure_quality": min(
            DARK_SHARE(measures.dark_share), DARKNESS(measures.brightness)
        ),
        "overexposure_quality": min(
            BRIGHT_SHARE(measures.bright_share), BRIGHTNESS(measures.brightness)
        ),
        "dynamic_range_quality": min(100.0, 12.5 * measures.entropy_bits),
        "light_balance_quality": 100.0 * min(1.0, measures.light_balance) ** 0.3,
        "eyes_visible_quality": EYES_VISIBLE(measures.eye_texture),
        "mouth_visible_quality": MOUTH_VISIBLE(measures.mouth_texture),
        "skin_colour_quality": SKIN_COLOUR(measures.skin_shift),
    }


def of_landmarks(eye_distance_px: float, residual_px: float, pose: HeadPose) -> dict[str, float]:
    """Components of five landmarks; an angle counts 100 times its squared cosine, as in OFIQ."""
    low, high = EYE_DISTANCE_PX
    return {
        "eye_distance_quality": 100.0
        * float(np.clip((eye_distance_px - low) / (high - low), 0, 1)),
        "alignment_quality": ALIGNMENT(residual_px),
        "yaw_quality": _of_angle(pose.yaw_deg),
        "pitch_quality": _of_angle(pose.pitch_deg),
        "roll_quality": _of_angle(pose.roll_deg),
    }


def _of_angle(angle_deg: float) -> float:
    if np.isnan(angle_deg):
        return 0.0
    return float(100 * max(0.0, np.cos(np.radians(angle_deg))) ** 2)
