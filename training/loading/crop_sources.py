"""Where training takes its crops from: the protocol, and crops that lie packed in one array."""

import mmap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, Self

import numpy as np

from data.face import CROP_SIZE_PX
from training.errors import TrainingDataError
from training.loading.arrays import CropsU8, Rows

CROP_SHAPE: Final = (CROP_SIZE_PX, CROP_SIZE_PX, 3)


class CropSource(Protocol):
    """Crops by number, read by several threads at once."""

    name: str
    """What messages call it: its file."""

    def __len__(self) -> int: ...

    def fetch_ahead(self, rows: Rows) -> None:
        """Ask the system for the pages of these crops, all at once; returns without waiting."""

    def read_into(self, rows: Rows, crops_rgb_u8: CropsU8) -> None:
        """Write crops of rows (k,) into an array (k, 112, 112, 3).

        Raises `TrainingDataError` that names what cannot be read.
        """

    def stored(self, rows: Rows) -> Sequence[memoryview]:
        """What the crops of rows (k,) are kept as, byte for byte: what a digest is taken of."""
        return [self.read(rows).data]

    def read(self, rows: Rows) -> CropsU8:
        """Crops of rows (k,) as a new array (k, 112, 112, 3); raises as `read_into`."""
        crops_rgb_u8 = np.empty((len(rows), *CROP_SHAPE), np.uint8)
        self.fetch_ahead(rows)
        self.read_into(rows, crops_rgb_u8)
        return crops_rgb_u8


class PackedCrops(CropSource):
    """Crops that lie one behind the other, in memory or in a mapped `.npy` file."""

    def __init__(self, crops_rgb_u8: CropsU8, name: str = "crops") -> None:
        """Take crops (n, 112, 112, 3). Raises `TrainingDataError` for anything else."""
        check_crops(crops_rgb_u8, name)
        self.name = name
        self._crops = crops_rgb_u8

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map a `.npy` file; raises as `open_crops`."""
        return cls(open_crops(path), str(path))

    def __len__(self) -> int:
        return len(self._crops)

    def fetch_ahead(self, rows: Rows) -> None:
        """Ask for the pages of a mapped file.

        Left to page faults, shuffled reading fetches each crop by itself, at a fraction of what a
        disk gives when it is asked for many at once.
        """
        crops = self._crops
        pages = getattr(crops, "_mmap", None)
        if not isinstance(crops, np.memmap) or not isinstance(pages, mmap.mmap):
            return
        crop_bytes = int(np.prod(CROP_SHAPE))
        # numpy maps from the page on that the data begins in.
        first = crops.offset % mmap.ALLOCATIONGRANULARITY
        for start in (first + rows * crop_bytes).tolist():
            page = start - start % mmap.PAGESIZE
            with suppress(OSError):  # no more than advice
                pages.madvise(mmap.MADV_WILLNEED, page, start + crop_bytes - page)

    def read_into(self, rows: Rows, crops_rgb_u8: CropsU8) -> None:
        """Copy crops of rows (k,) into an array (k, 112, 112, 3)."""
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"{self.name}: rows beyond its {len(self)} crops")
        if self._crops.flags.c_contiguous:
            # Any mode but "clip" goes through a copy of the output.
            np.take(self._crops, rows, axis=0, out=crops_rgb_u8, mode="clip")
        else:  # `take` would copy all crops first
            crops_rgb_u8[:] = self._crops[rows]


def open_crops(path: Path) -> CropsU8:
    """Map a `.npy` file of crops (n, 112, 112, 3) into memory without reading it.

    Raises `TrainingDataError` where it is missing, damaged or holds something else.
    """
    try:
        crops: CropsU8 = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TrainingDataError(
            f"{path}: cannot be read as crops ({error}); run the align stage again"
        ) from error
    check_crops(crops, str(path))
    return crops


def check_crops(crops: CropsU8, name: str) -> None:
    """Raise `TrainingDataError` unless these are uint8 crops (n, 112, 112, 3)."""
    if crops.dtype != np.uint8 or crops.shape[1:] != CROP_SHAPE:
        raise TrainingDataError(
            f"{name}: {crops.dtype} {crops.shape} are no crops; they are uint8"
            f" (n, {CROP_SIZE_PX}, {CROP_SIZE_PX}, 3)"
        )
