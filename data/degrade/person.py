"""Which pixels are the person in front of a background."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.face_frame import FaceFrame
from data.face import RgbU8

_UNIT_PX: Final = 20.0
"""The picture is cut at this eye distance; finer outlines are not worth the time."""
_ROUNDS: Final = 3


def person_cover(image_rgb_u8: RgbU8, frame: FaceFrame) -> NDArray[np.float32]:
    """How much of each pixel (height, width) belongs to the person, 0 to 1, with soft edges.

    GrabCut (Rother, Kolmogorov and Blake 2004), started from a head and shoulders around the face.
    """
    height, width = image_rgb_u8.shape[:2]
    scale = min(1.0, _UNIT_PX / frame.unit_px)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA)
    shape = cv2.resize(_expected(frame, (height, width)), size, interpolation=cv2.INTER_AREA)
    cut = _cut(small.astype(np.uint8), shape.astype(np.float32))
    cover = cv2.resize(cut, (width, height))
    soft = cv2.GaussianBlur(cover, (0, 0), 0.05 * frame.unit_px + 0.3)
    return soft.astype(np.float32).reshape(height, width)


def _cut(image_rgb_u8: RgbU8, shape: NDArray[np.float32]) -> NDArray[np.float32]:
    """Person (height, width), 0 or 1; the expected shape itself where nothing can be cut."""
    labels = np.where(shape > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[shape > 0.6] = cv2.GC_FGD
    labels[shape < -0.45] = cv2.GC_BGD
    if not ((labels == cv2.GC_FGD).any() and (labels == cv2.GC_BGD).any()):
        return (shape > 0).astype(np.float32)
    cv2.setRNGSeed(0)  # GrabCut starts its colour clusters at random
    outer, inner = np.zeros((1, 65)), np.zeros((1, 65))  # GrabCut's room to work in
    nowhere = (0, 0, 1, 1)  # the labels say where
    cv2.grabCut(image_rgb_u8, labels, nowhere, outer, inner, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.medianBlur(found, 5).astype(np.float32).reshape(found.shape)


def _expected(frame: FaceFrame, shape_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Signed depth (height, width) inside a head and shoulders, in eye distances about."""
    x, y = np.moveaxis(frame.coordinates(shape_hw), -1, 0)
    head = 1.5 - np.hypot(x, (y - 0.05) / 1.2)
    neck = np.minimum(0.7 - np.abs(x), y - 1.2)
    shoulders = np.minimum(y - 2.0 - 0.15 * np.abs(x), 2.7 - np.abs(x))
    return np.asarray(np.maximum.reduce([head, neck, shoulders]), dtype=np.float32)
