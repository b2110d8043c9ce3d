"""Where the rest of a face is, from five landmarks: a rigid mean face under an affine camera.

Lengths are eye distances (about 63 mm): x to the picture's right, y down, z towards the camera,
the middle of the eyes in the origin. An affine camera is fitted to the five landmarks by least
squares; as only the nose stands far out of their plane, its depth column is damped.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.face import LandmarksPx

PointsPx = NDArray[np.float64]  # (n, 2)

LANDMARKS: Final = np.array(
    [[-0.5, 0, 0], [0.5, 0, 0], [0, 0.57, 0.45], [-0.415, 1.156, 0.12], [0.415, 1.156, 0.12]]
)
"""The five landmarks on the mean face: the ArcFace template, with depths of an adult head."""
CHIN: Final = (0.0, 1.90, 0.12)
JAW: Final = (0.80, 1.42, -0.40)
CHEEK: Final = (0.98, 0.50, -0.45)
EAR: Final = (1.16, 0.12, -0.95)
HAIRLINE: Final = (0.0, -1.00, -0.02)
_DEPTH_DAMPING: Final = 0.25


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """A face's own coordinates and their way into the picture."""

    landmarks_px: LandmarksPx
    unit_px: float
    """Eye distance."""
    camera: NDArray[np.float64]
    """(2, 4), maps x, y, z, 1 in eye distances to pixels."""

    @classmethod
    def of(cls, landmarks_px: LandmarksPx) -> "FaceFrame":
        """Fit the camera to landmarks (5, 2)."""
        points = landmarks_px.astype(np.float64)
        unit_px = float(np.linalg.norm(points[1] - points[0]))
        damping = np.array([[0.0, 0.0, _DEPTH_DAMPING, 0.0]])
        model = np.vstack([np.column_stack([LANDMARKS, np.ones(5)]), damping])
        camera = np.linalg.lstsq(model, np.vstack([points, np.zeros(2)]), rcond=None)[0].T
        return cls(landmarks_px, unit_px, camera)

    def project(self, points: ArrayLike) -> PointsPx:
        """Bring points (n, 3) in eye distances into the picture."""
        wide = np.atleast_2d(np.asarray(points, dtype=np.float64))
        found: PointsPx = wide @ self.camera[:, :3].T + self.camera[:, 3]
        return found

    def at(self, x: float, y: float, z: float = 0.0) -> tuple[float, float]:
        """Bring one point into the picture."""
        ((px, py),) = self.project([(x, y, z)])
        return float(px), float(py)

    def coordinates(self, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
        """Give each pixel's x and y (height, width, 2) on the face's own plane, z = 0."""
        height, width = shape_hw
        inverse = np.linalg.inv(self.camera[:, :2])
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
        offsets = np.stack([xs, ys], -1) - self.camera[:, 3]
        return np.asarray(offsets @ inverse.T, dtype=np.float32)
