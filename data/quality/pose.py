"""Where a head looks, from five landmarks alone.

Scaled orthography (DeMenthon and Davis 1995, the first step of POSIT): the landmarks are the shadow
of a rigid head, so a least-squares fit of its five points to them gives the head's axes in closed
form. The head is the ArcFace template, made symmetric, with a depth added: nose tip and mouth
corners stand 0.55 and 0.1 eye distances out of the plane of the eyes. Noses differ, so yaw and
pitch are good to about a fifth of themselves; a long or short face shifts pitch by up to 15
degrees. Roll is good to a degree.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.face import TEMPLATE_PX, LandmarksPx

_NOSE_DEPTH: Final = 0.55  # in eye distances
_MOUTH_DEPTH: Final = 0.1


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Degrees; all are 0 for a face that looks into the camera."""

    yaw_deg: float
    """Positive where the nose points to the right of the picture."""
    pitch_deg: float
    """Positive where the nose points down."""
    roll_deg: float
    """Positive where the head is turned clockwise in the picture."""


def _head_points() -> NDArray[np.float64]:
    """(5, 3), centred, in crop pixels; x to the right, y down, z to the camera."""
    flat = TEMPLATE_PX.astype(np.float64) - np.array([TEMPLATE_PX[:2, 0].mean(), 0.0])
    other_side = (flat * np.array([-1.0, 1.0]))[[1, 0, 2, 4, 3]]
    symmetric = (flat + other_side) / 2
    eyes = float(symmetric[1, 0] - symmetric[0, 0])
    depth = eyes * np.array([0.0, 0.0, _NOSE_DEPTH, _MOUTH_DEPTH, _MOUTH_DEPTH])
    points = np.column_stack([symmetric, depth])
    return np.asarray(points - points.mean(0), np.float64)


_FIT: Final = np.asarray(np.linalg.pinv(_head_points()), np.float64)
"""(3, 5); each row adds up to 0, so that a shift of the landmarks changes nothing."""


def head_pose(landmarks_px: LandmarksPx) -> HeadPose:
    """Pose of the head that landmarks (5, 2) are the shadow of; NaN where they are one point."""
    # No matrix product: its threads cost more than fifteen multiplications.
    right, down = (_FIT[:, :, None] * landmarks_px.astype(np.float64)).sum(1).T.tolist()
    roll = math.atan2(down[0] - right[1], right[0] + down[1])
    cos, sin = math.cos(roll), math.sin(roll)
    # Set upright first, so that yaw and pitch do not depend on how the camera is held.
    upright_right = [cos * x + sin * y for x, y in zip(right, down, strict=True)]
    upright_down = [cos * y - sin * x for x, y in zip(right, down, strict=True)]
    lengths = math.hypot(*upright_right), math.hypot(*upright_down)
    if not min(lengths) > 0.0:
        return HeadPose(math.nan, math.nan, math.nan)
    return HeadPose(
        yaw_deg=math.degrees(math.asin(upright_right[2] / lengths[0])),
        pitch_deg=math.degrees(math.asin(upright_down[2] / lengths[1])),
        roll_deg=math.degrees(roll),
    )
