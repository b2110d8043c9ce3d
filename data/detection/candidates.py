"""What a network proposes in one picture, before it is decided which of it is a face."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.detection.boxes import Boxes, Scores, suppress
from data.face import DetectedFace

Points = NDArray[np.float32]  # (n, 5, 2), x then y, in the order of data.face.LANDMARK_NAMES


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes and landmarks between pixel edges: the middle of the first pixel is at 0.5, 0.5."""

    boxes: Boxes
    """(n, 4) x0, y0, x1, y1."""
    landmarks: Points
    scores: Scores
    """(n,), 0 to 1."""

    def best(self, overlap: float) -> "Candidates":
        """One candidate a face, the most certain first."""
        kept = suppress(self.boxes, self.scores, overlap)
        return Candidates(self.boxes[kept], self.landmarks[kept], self.scores[kept])

    def faces(self, per_pixel: NDArray[np.float32]) -> list[DetectedFace]:
        """Faces in pixels of the original, landmarks counted from the middle of its first pixel."""
        boxes = self.boxes * np.tile(per_pixel, 2)
        centres = (self.landmarks * per_pixel - np.float32(0.5)).astype(np.float32)
        return [
            DetectedFace((float(x0), float(y0), float(x1), float(y1)), points, float(score))
            for (x0, y0, x1, y1), points, score in zip(boxes, centres, self.scores, strict=True)
        ]


def joined(parts: list[Candidates]) -> Candidates:
    """The candidates of several levels together."""
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
