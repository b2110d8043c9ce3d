"""Boxes of a cascade: overlap, squares and crops.

Boxes are (n, 4) x0, y0, x1, y1 between pixel edges: pixel i covers i to i + 1, so a width is
x1 - x0 with nothing added.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import RgbU8

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]


def suppress(
    boxes: Boxes, scores: Scores, limit: float, *, over_smaller: bool = False
) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: indices of the boxes that stay, the best first.

    A box goes where its overlap with a better one is more than `limit`: intersection over union,
    or over the smaller box, which also removes a box that lies inside another.
    """
    x0, y0, x1, y1 = boxes.T
    areas = (x1 - x0) * (y1 - y0)
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        width = np.minimum(x1[best], x1[rest]) - np.maximum(x0[best], x0[rest])
        height = np.minimum(y1[best], y1[rest]) - np.maximum(y0[best], y0[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        smaller = np.minimum(areas[best], areas[rest])
        whole = smaller if over_smaller else areas[best] + areas[rest] - shared
        order = rest[shared <= limit * whole]
    return np.array(kept, dtype=np.intp)


def shift(boxes: Boxes, offsets: NDArray[np.float32]) -> Boxes:
    """Move each edge by its offset, given in widths and heights of the box."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(boxes + offsets * np.tile(sizes, 2), dtype=np.float32)


def zoom(boxes: Boxes, factor: float) -> Boxes:
    """Grow or shrink boxes around their centres."""
    margins = (boxes[:, 2:] - boxes[:, :2]) * np.float32((factor - 1) / 2)
    return np.hstack([boxes[:, :2] - margins, boxes[:, 2:] + margins])


def whole_squares(boxes: Boxes) -> Boxes:
    """Squares of whole pixels around the same centres, as long as the longer side."""
    sides = np.maximum(1, np.rint((boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)))
    corners = np.rint((boxes[:, :2] + boxes[:, 2:] - sides) / 2)
    return np.hstack([corners, corners + sides]).astype(np.float32)


def cut(image_rgb_u8: RgbU8, squares: Boxes, side_px: int) -> NDArray[np.uint8]:
    """Cut whole-pixel squares out and scale them to (n, side, side, 3); outside is black."""
    height, width = image_rgb_u8.shape[:2]
    crops = np.zeros((len(squares), side_px, side_px, 3), np.uint8)
    for crop, (x0, y0, x1, y1) in zip(crops, squares.astype(int), strict=True):
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if left >= right or top >= bottom:
            continue
        patch = image_rgb_u8[top:bottom, left:right]
        if (right - left, bottom - top) != (x1 - x0, y1 - y0):
            margins = (top - y0, y1 - bottom, left - x0, x1 - right)
            patch = cv2.copyMakeBorder(patch, *margins, cv2.BORDER_CONSTANT).astype(np.uint8)
        shrinks = x1 - x0 > side_px
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        cv2.resize(patch, (side_px, side_px), dst=crop, interpolation=method)
    return crops
