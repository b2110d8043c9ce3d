"""Crops out of a RecordIO file: aligned 112 x 112 JPEG or PNG pictures, decoded when read."""

import numpy as np

from data.errors import DataError
from data.images import decode_image
from data.recordio.index import Int64s
from data.recordio.reader import RecordFile
from training.errors import TrainingDataError
from training.loading.arrays import CropsU8, Rows
from training.loading.crop_sources import CROP_SHAPE, CropSource


class RecordCrops(CropSource):
    """Some records of a file, in the order of `keys`: row i is record `keys[i]`."""

    def __init__(self, file: RecordFile, keys: Int64s) -> None:
        """Take an open file and the keys of its pictures, as `read_labels` finds them.

        Raises `TrainingDataError` where the file has no such record.
        """
        self.name = str(file.path)
        self._file = file
        self._keys = keys
        strangers = np.flatnonzero(~np.isin(keys, file.keys))
        if len(strangers):
            raise TrainingDataError(
                f"{self.name}: it has no record {keys[strangers[0]]}; the list is of another file,"
                " make it again from this one"
            )

    def __len__(self) -> int:
        return len(self._keys)

    def fetch_ahead(self, rows: Rows) -> None:
        """Ask for the pages of the records."""
        self._file.fetch_ahead(self._keys[rows])

    def read_into(self, rows: Rows, crops_rgb_u8: CropsU8) -> None:
        """Decode crops of rows (k,) into an array (k, 112, 112, 3).

        Raises `TrainingDataError` that names file and record where a record is broken or holds
        anything but a whole picture of 112 x 112 pixels.
        """
        pictures = zip(self._keys[rows].tolist(), self.stored(rows), crops_rgb_u8, strict=True)
        for key, picture, crop_rgb_u8 in pictures:
            self._decode(key, picture, crop_rgb_u8)

    def stored(self, rows: Rows) -> list[memoryview]:
        """Encoded pictures of rows (k,), not decoded."""
        try:
            return self._file.read_batch(self._keys[rows])
        except DataError as error:
            raise TrainingDataError(str(error)) from error

    def _decode(self, key: int, picture: memoryview, crop_rgb_u8: CropsU8) -> None:
        try:
            image = decode_image(bytes(picture))
        except DataError as error:
            raise self._unfit(key, str(error)) from error
        if image.shape != CROP_SHAPE:
            height, width, _ = image.shape
            raise self._unfit(key, f"a picture of {width} x {height}, no crop of 112 x 112")
        crop_rgb_u8[:] = image

    def _unfit(self, key: int, problem: str) -> TrainingDataError:
        return TrainingDataError(
            f"{self.name}, record {key}: {problem}; fetch the file again, or leave the record out"
            " of what is trained on"
        )
