"""The face contract: the few numbers that training, export, kernels and server must share.

A picture is RGB, uint8, height x width x 3, with its EXIF orientation applied. A face in it is
five landmarks in pixels. The network sees a 112 x 112 crop, made by the similarity transform that
brings the landmarks to the ArcFace template. Two embeddings are compared by their cosine.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RgbU8 = NDArray[np.uint8]  # (height, width, 3), red first
LandmarksPx = NDArray[np.float32]  # (5, 2), x then y, in the order of LANDMARK_NAMES

LANDMARK_NAMES: Final = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""Left and right as seen in the picture, so `left_eye` is the person's right eye."""

CROP_SIZE_PX: Final = 112
PIXEL_MEAN: Final = 127.5
PIXEL_SCALE: Final = 127.5
CONTRACT_ID: Final = "arcface-112-rgb-v1"
"""Colour order, template, crop size and input scaling in one name; templates on file carry it."""

TEMPLATE_PX: Final[LandmarksPx] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)
"""ArcFace's template for a 112 x 112 crop (Deng et al. 2019, the authors' released code)."""
TEMPLATE_PX.setflags(write=False)


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face as a detector sees it."""

    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1."""
    landmarks_px: LandmarksPx
    score: float
    """The detector's confidence, 0 to 1."""

    @property
    def area_px2(self) -> float:
        """Area of the box in square pixels."""
        x0, y0, x1, y1 = self.box_px
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


def eye_distance_px(landmarks_px: LandmarksPx) -> float:
    """Distance between the two eye landmarks, in pixels."""
    return float(np.hypot(*(landmarks_px[1] - landmarks_px[0])))


def network_input(crops_rgb_u8: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn crops (n, 112, 112, 3) into what the network eats: (n, 3, 112, 112) in [-1, 1]."""
    scaled = (crops_rgb_u8.astype(np.float32) - PIXEL_MEAN) / PIXEL_SCALE
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def l2_normalise(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row of (n, d) to unit length; a zero row stays zero and matches nobody."""
    wide = embeddings.astype(np.float64)  # the squares of small float32 numbers vanish in float32
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    return np.asarray(wide / np.maximum(norms, np.finfo(np.float64).tiny), dtype=np.float32)
