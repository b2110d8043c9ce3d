"""YuNet (Wu, Peng and Yu 2023): a network of 76 thousand weights, grids of stride 8, 16 and 32.

Each cell has one answer: class and objectness, both 0 to 1; the middle of the box from the cell's
corner in strides; logarithms of its width and height in strides; landmarks from the corner in
strides. The outputs (1, cells, k) are grouped by kind, and by stride within a kind. Coordinates
count from the middle of the first pixel, as OpenCV takes them.
"""

from typing import Final

import numpy as np

from data.detection.anchors import boxes_of_middles, cell_corners, landmarks_of_offsets
from data.detection.candidates import Candidates, joined
from data.detection.network import F32
from data.face import RgbU8

STRIDES_PX: Final = (8, 16, 32)
_MIDDLE: Final = np.float32(0.5)


def network_input(image_rgb_u8: RgbU8) -> F32:
    """A picture as the network takes it: (1, 3, height, width), blue first, 0 to 255."""
    return np.ascontiguousarray(image_rgb_u8[..., ::-1].transpose(2, 0, 1)[None], np.float32)


def decode(outputs: list[F32], shape_hw: tuple[int, int], least_score: float) -> Candidates:
    """All answers of at least that score, for a canvas of the given height and width."""
    flat = [output[0] for output in outputs]
    levels = zip(STRIDES_PX, flat[:3], flat[3:6], flat[6:9], flat[9:], strict=True)
    return joined(
        [
            _level(np.sqrt(kind * thing)[:, 0], boxes, points, shape_hw[1], stride_px, least_score)
            for stride_px, kind, thing, boxes, points in levels
        ]
    )


def _level(
    scores: F32, boxes: F32, points: F32, width_px: int, stride_px: int, least_score: float
) -> Candidates:
    likely = np.flatnonzero(scores >= least_score)
    corners = cell_corners(likely, width_px // stride_px, stride_px) + _MIDDLE
    stride = np.float32(stride_px)
    middles, sizes = corners + boxes[likely, :2] * stride, np.exp(boxes[likely, 2:]) * stride
    return Candidates(
        boxes_of_middles(middles, sizes),
        landmarks_of_offsets(corners, points[likely] * stride),
        scores[likely],
    )
