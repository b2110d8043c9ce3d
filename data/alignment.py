"""Alignment: the similarity transform from five landmarks to the ArcFace template, and the warp.

This is the numpy reference. The ONNX graph and the CUDA kernel are held against it.

Umeyama's least-squares similarity (1991) needs no SVD in two dimensions. With p the centred
landmarks and q the centred template, a = sum(p.q), b = sum(p x q), D = sum(|p|^2), the map is
M = [[a, -b], [b, a]] / D and t = mean(q) - M mean(p); its residual is sum|q|^2 - (a^2 + b^2) / D.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from data.errors import FaceTooSmallError
from data.face import CROP_SIZE_PX, TEMPLATE_PX, LandmarksPx, RgbU8


@dataclass(frozen=True, slots=True)
class Similarity:
    """A rotation, scale and shift that brings landmarks onto the template."""

    matrix: NDArray[np.float64]
    """(2, 3), maps picture pixels to crop pixels."""
    residual_px: float
    """Root mean square distance of the moved landmarks from the template, in crop pixels."""


def estimate_similarity(landmarks_px: LandmarksPx) -> Similarity:
    """Least-squares similarity from landmarks (5, 2) to the template.

    Raises `FaceTooSmallError` where all five landmarks fall onto one point or are not finite.
    """
    points = landmarks_px.astype(np.float64)
    if not np.isfinite(points).all():
        raise FaceTooSmallError("the landmarks are not finite")
    template = TEMPLATE_PX.astype(np.float64)
    mean_p, mean_q = points.mean(0), template.mean(0)
    p, q = points - mean_p, template - mean_q
    a = float((p * q).sum())
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum())
    spread = float((p * p).sum())
    if spread < 1e-6 or a * a + b * b < 1e-12:
        raise FaceTooSmallError("the five landmarks do not span a face")
    linear = np.array([[a, -b], [b, a]]) / spread
    shift = mean_q - linear @ mean_p
    residual = max(0.0, float((q * q).sum()) - (a * a + b * b) / spread)
    return Similarity(np.column_stack([linear, shift]), float(np.sqrt(residual / len(points))))


def align(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx) -> RgbU8:
    """Cut the (112, 112, 3) crop out of a picture; what lies outside the picture is black."""
    matrix = estimate_similarity(landmarks_px).matrix
    crop: RgbU8 = cv2.warpAffine(
        image_rgb_u8, matrix, (CROP_SIZE_PX, CROP_SIZE_PX), flags=cv2.INTER_LINEAR, borderValue=0
    ).astype(np.uint8, copy=False)
    return crop
