"""Where the head is in the picture: rotation and perspective."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sources.campus.capture import Capture
from data.sources.campus.grid import COARSE, FloatMap, to_texels


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole in front of the head that looks along -z at the head's origin."""

    rotation: NDArray[np.float64]
    """(3, 3), head to camera coordinates."""
    centre_px: tuple[float, float]
    px_per_cm: float
    """At the depth of the head's axis."""
    distance_cm: float

    def project(self, points_cm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels (n, 2) of points (n, 3) in head coordinates."""
        moved = points_cm @ self.rotation.T
        scale = self.px_per_cm / (1.0 - moved[:, 2] / self.distance_cm)
        return np.column_stack(
            [
                self.centre_px[0] + moved[:, 0] * scale,
                self.centre_px[1] - moved[:, 1] * scale,
            ]
        )

    def facing(self, points_cm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Depth (n,) towards the camera of points (n, 3) in head coordinates."""
        return np.asarray((points_cm @ self.rotation.T)[:, 2])


def _rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    cy, sy, cp, sp, cr, sr = (f(v) for v in (yaw, pitch, roll) for f in (np.cos, np.sin))
    around_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(around_z @ around_x @ around_y)


def camera_of(capture: Capture, eye_x_cm: float) -> Camera:
    """The camera of a capture; frontal eyes come out at the wanted distance."""
    depth = 1.0 - 7.5 / capture.camera_distance_cm
    x, y = capture.centre_offset_px
    scale = capture.eye_distance_px / (2 * eye_x_cm) * depth
    return Camera(
        rotation=_rotation(capture.yaw_deg, capture.pitch_deg, capture.roll_deg),
        centre_px=(capture.width_px / 2 + x, capture.height_px * 0.47 + y),
        px_per_cm=scale,
        distance_cm=capture.camera_distance_cm,
    )


def surface_points(radius_cm: FloatMap, points_sy_cm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Head coordinates (n, 3) of surface points (n, 2) given by side and height."""
    at = to_texels(points_sy_cm, COARSE).astype(np.float32)
    radius = cv2.remap(radius_cm, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0]
    angle = points_sy_cm[:, 0] / 8.0
    return np.column_stack([radius * np.sin(angle), points_sy_cm[:, 1], radius * np.cos(angle)])
