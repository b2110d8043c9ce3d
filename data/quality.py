"""How good a photo of a face is, in figures that a person can act on."""

from dataclasses import dataclass

import cv2

from data.alignment import align, estimate_similarity
from data.face import DetectedFace, RgbU8, eye_distance_px


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of one face; the fields are `data.manifest.QUALITY_COLUMNS`."""

    detection_score: float
    """The detector's confidence, 0 to 1."""
    eye_distance_px: float
    """In pixels of the picture: how much detail there is."""
    alignment_residual_px: float
    """Root mean square distance of the aligned landmarks from the template, in crop pixels."""
    sharpness: float
    """Variance of the Laplacian of the crop's luma (Pech-Pacheco et al. 2000)."""
    brightness: float
    """Mean luma of the crop (BT.601), 0 to 255."""
    contrast: float
    """Standard deviation of the crop's luma."""


def measure_quality(image_rgb_u8: RgbU8, face: DetectedFace) -> Quality:
    """Measure one face of a picture (height, width, 3) on its aligned crop.

    Raises `FaceTooSmallError` where the landmarks do not span a face.
    """
    residual_px = estimate_similarity(face.landmarks_px).residual_px
    luma = cv2.cvtColor(align(image_rgb_u8, face.landmarks_px), cv2.COLOR_RGB2GRAY)
    return Quality(
        detection_score=face.score,
        eye_distance_px=eye_distance_px(face.landmarks_px),
        alignment_residual_px=residual_px,
        sharpness=float(cv2.Laplacian(luma, cv2.CV_32F).var()),
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
    )
