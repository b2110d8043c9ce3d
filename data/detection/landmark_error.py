"""How far off landmarks are."""

from typing import Final

import numpy as np

from data.face import LandmarksPx, eye_distance_px

_LEAST_EYES_PX: Final = 1e-3  # keeps the error finite where both true eyes are one point


def landmark_error(landmarks_px: LandmarksPx, true_px: LandmarksPx) -> float:
    """Mean distance of landmarks (5, 2) from the true ones, as a share of the true eye distance."""
    distances_px = np.linalg.norm(landmarks_px - true_px, axis=1)
    return float(distances_px.mean()) / max(eye_distance_px(true_px), _LEAST_EYES_PX)
