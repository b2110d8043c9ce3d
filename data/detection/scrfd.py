"""SCRFD (Guo et al. 2021): grids of stride 8, 16 and 32, two answers a cell.

An answer is a face probability, the distances of the box's four edges from the cell's corner in
strides, and landmarks from the corner in strides. The outputs (answers, k) are grouped by kind, and
by stride within a kind. Weights by InsightFace, for non-commercial research only.
"""

from typing import Final

import numpy as np

from data.detection.anchors import boxes_of_edges, cell_corners, landmarks_of_offsets
from data.detection.candidates import Candidates, joined
from data.detection.network import F32
from data.face import RgbU8

STRIDES_PX: Final = (8, 16, 32)
_PER_CELL: Final = 2


def network_input(image_rgb_u8: RgbU8) -> F32:
    """A picture as the network takes it: (1, 3, height, width), red first, (x - 127.5) / 128."""
    scaled = (image_rgb_u8.astype(np.float32) - np.float32(127.5)) / np.float32(128)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def decode(outputs: list[F32], shape_hw: tuple[int, int], least_score: float) -> Candidates:
    """All answers of at least that score, for a canvas of the given height and width."""
    levels = zip(STRIDES_PX, outputs[:3], outputs[3:6], outputs[6:], strict=True)
    return joined(
        [
            _level(scores[:, 0], edges, points, shape_hw[1], stride_px, least_score)
            for stride_px, scores, edges, points in levels
        ]
    )


def _level(
    scores: F32, edges: F32, points: F32, width_px: int, stride_px: int, least_score: float
) -> Candidates:
    likely = np.flatnonzero(scores >= least_score)
    corners = cell_corners(likely, width_px // stride_px, stride_px, _PER_CELL)
    stride = np.float32(stride_px)
    return Candidates(
        boxes_of_edges(corners, edges[likely] * stride),
        landmarks_of_offsets(corners, points[likely] * stride),
        scores[likely],
    )
