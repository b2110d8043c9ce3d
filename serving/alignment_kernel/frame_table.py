"""The table that tells the kernel where the frames of a batch lie, each of its own size."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.alignment_kernel.errors import KernelArgumentError

MAX_SIDE_PX: Final = 2**24
"""float32 counts pixels exactly up to here."""
EMPTY_ROW: Final = -1
"""A frame index that names no frame: the row's crop is black and its is_face 0."""


def frame_row(
    address: int, height: int, width: int, row_bytes: int | None = None
) -> NDArray[np.int64]:
    """(4,) int64: where the frame's first byte lies, its size in pixels, bytes from row to row.

    A pixel is three bytes, red first. `row_bytes` is 3 * width if not given; more where the frame
    is a region of a larger one. Raises `KernelArgumentError` for a frame that is none.
    """
    row_bytes = 3 * width if row_bytes is None else row_bytes
    if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX):
        raise KernelArgumentError(
            f"a frame of {width} x {height} pixels; each side must be 1 to {MAX_SIDE_PX}"
        )
    if address <= 0 or row_bytes < 3 * width:
        raise KernelArgumentError(
            f"frame at {address:#x}, {row_bytes} bytes a row for {width} pixels; give its device "
            "address and at least three bytes a pixel"
        )
    return np.array([address, height, width, row_bytes], np.int64)


def frame_table(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(num_frames, 4) int64 out of `frame_row`s, to be copied to the device as it is."""
    return np.stack(rows) if rows else np.empty((0, 4), np.int64)
