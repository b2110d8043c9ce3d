"""Cuts pictures down to what the graph will read of them.

The graph turns the whole picture it is given into floats, of a 25-megapixel photo over a gigabyte.
The crop needs the face and its surroundings only, so the rest stays out. Nothing changes in the
crop: what is cut off is never read, and what is padded lies where nothing is read either.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from data.alignment import estimate_similarity
from data.errors import FaceTooSmallError
from data.face import CROP_SIZE_PX

_MARGIN_PX = 2
"""The neighbours that bilinear reading touches, and one for rounding."""

Box = tuple[int, int, int, int]


def cut_regions(
    images_rgb_u8: NDArray[np.uint8], landmarks_px: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut pictures (n, height, width, 3) and move their landmarks (n, 5, 2) along.

    All regions come out in the size of the largest, padded with black.
    """
    shape = images_rgb_u8.shape[1:3]
    boxes = [read_box(landmarks, shape) for landmarks in landmarks_px]
    width = max((x1 - x0 for x0, _, x1, _ in boxes), default=1)
    height = max((y1 - y0 for _, y0, _, y1 in boxes), default=1)
    regions = np.zeros((len(boxes), height, width, 3), np.uint8)
    for region, image, (x0, y0, x1, y1) in zip(regions, images_rgb_u8, boxes, strict=True):
        region[: y1 - y0, : x1 - x0] = image[y0:y1, x0:x1]
    corners = np.array([box[:2] for box in boxes], np.float32).reshape(-1, 1, 2)
    return regions, landmarks_px - corners


def read_box(landmarks_px: NDArray[np.float32], shape: tuple[int, int]) -> Box:
    """The part of a picture (height, width) that the crop is read from, as x0, y0, x1, y1.

    It holds at least one pixel: the nearest one where the crop lies outside the picture, and the
    first where the landmarks span no face.
    """
    if not np.isfinite(landmarks_px).all():
        return 0, 0, 1, 1
    try:
        inverse = cv2.invertAffineTransform(estimate_similarity(landmarks_px).matrix)
    except FaceTooSmallError:
        return 0, 0, 1, 1
    last = CROP_SIZE_PX - 1
    corners = np.array([[0, 0, 1], [last, 0, 1], [0, last, 1], [last, last, 1]]) @ inverse.T
    limits = np.array(shape[::-1])
    low = np.clip(np.floor(corners.min(0)) - _MARGIN_PX, 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + _MARGIN_PX + 1, low + 1, limits).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
