"""From a single-shot network's numbers to boxes and landmarks.

Such a network answers for every cell of several grids; a grid of stride s has a cell for each
s x s pixels, row after row, and one or more answers (anchors) for each cell.
"""

import numpy as np
from numpy.typing import NDArray

from data.detection.boxes import Boxes
from data.detection.candidates import Points

F32 = NDArray[np.float32]
Indices = NDArray[np.intp]


def cell_corners(answers: Indices, columns: int, stride_px: int, per_cell: int = 1) -> F32:
    """Upper left corners (n, 2), x then y, of the cells that the answers `answers` belong to."""
    rows, places = np.divmod(answers // per_cell, columns)
    return np.stack([places, rows], 1).astype(np.float32) * np.float32(stride_px)


def priors(shape_hw: tuple[int, int], stride_px: int, sizes_px: tuple[int, ...]) -> F32:
    """Squares of every size around the middle of every cell: (n, 3) x, y of the middle, side."""
    rows, columns = shape_hw[0] // stride_px, shape_hw[1] // stride_px
    count = rows * columns * len(sizes_px)
    corners = cell_corners(np.arange(count), columns, stride_px, len(sizes_px))
    sides = np.tile(np.array(sizes_px, np.float32), rows * columns)
    return np.column_stack([corners + np.float32(stride_px / 2), sides]).astype(np.float32)


def boxes_of_edges(points: F32, distances_px: F32) -> Boxes:
    """Boxes (n, 4) whose left, top, right and bottom edges are so far from points (n, 2)."""
    return np.hstack([points - distances_px[:, :2], points + distances_px[:, 2:]])


def boxes_of_middles(middles: F32, sizes_px: F32) -> Boxes:
    """Boxes (n, 4) of the given widths and heights around their middles (n, 2)."""
    half = sizes_px / np.float32(2)
    return np.hstack([middles - half, middles + half])


def landmarks_of_offsets(points: F32, offsets_px: F32) -> Points:
    """Landmarks (n, 5, 2) at offsets (n, 10), x and y in turn, from points (n, 2)."""
    return np.asarray(points[:, None] + offsets_px.reshape(-1, 5, 2), dtype=np.float32)
