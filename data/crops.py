"""Crops as one `.npy` file that grows, so that millions of them never lie in memory together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data.face import CROP_SIZE_PX, RgbU8
from data.files import whole_file

_SHAPE = (CROP_SIZE_PX, CROP_SIZE_PX, 3)


class CropWriter:
    """Takes crops one by one. Made by `write_crops`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0
        """Crops written so far; the next one gets this index."""
        self.write_header()

    def append(self, crop_rgb_u8: RgbU8) -> int:
        """Write one crop (112, 112, 3) and return its index; raises `ValueError` for any other."""
        if crop_rgb_u8.shape != _SHAPE or crop_rgb_u8.dtype != np.uint8:
            raise ValueError(f"a crop is {_SHAPE} uint8, not {crop_rgb_u8.shape}")
        self._stream.write(np.ascontiguousarray(crop_rgb_u8).data)
        self.count += 1
        return self.count - 1

    def write_header(self) -> None:
        """Say at the start of the file how many crops there are.

        numpy pads the header so that the first axis may grow without moving what follows.
        """
        self._stream.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *_SHAPE)}
        np.lib.format.write_array_header_1_0(self._stream, header)


@contextmanager
def write_crops(path: Path) -> Iterator[CropWriter]:
    """Open a writer whose file is an array (n, 112, 112, 3) when it is closed, or absent."""
    with whole_file(path) as partial, partial.open("wb") as stream:
        writer = CropWriter(stream)
        yield writer
        writer.write_header()
