"""Write `train.rec`, `train.idx` and `property` so that other trainers read them.

The layout is InsightFace's: pictures 1 to N by ascending label, then one record for each identity
with the range of its pictures, then, as key 0, a record with the range of those.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from data.errors import ManifestError
from data.face import CROP_SIZE_PX
from data.files import whole_folder
from data.recordio.format import encode_record
from data.recordio.header import EXACT_LABELS, pack_header
from data.recordio.index import RecordIndex, sorted_index, write_index

RECORDS_FILE: Final = "train.rec"
INDEX_FILE: Final = "train.idx"
PROPERTY_FILE: Final = "property"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture to write."""

    label: int
    """Class, from 0 without a gap."""
    content: bytes
    """JPEG or PNG of a 112 x 112 crop."""


class RecordWriter:
    """Appends records to a stream and remembers where they begin."""

    def __init__(self, stream: BinaryIO) -> None:
        """Take an empty stream; the caller closes it."""
        self._stream = stream
        self._keys = array("q")
        self._offsets = array("q")
        self._end = 0

    def write(self, key: int, payload: bytes) -> None:
        """Append one record. Raises `ValueError` where it is over 2^29 - 1 bytes."""
        encoded = encode_record(payload)
        self._stream.write(encoded)
        self._keys.append(key)
        self._offsets.append(self._end)
        self._end += len(encoded)

    def index(self, path: Path) -> RecordIndex:
        """Index of what was written; `path` is for messages."""
        keys = np.array(self._keys, np.int64)
        return sorted_index(keys, np.array(self._offsets, np.int64), path)


def write_record_set(folder: Path, pictures: Iterable[LabelledPicture]) -> int:
    """Write a training set into `folder`, whole or not at all; returns the number of classes.

    Raises `ManifestError` where labels do not ascend from 0 without a gap, or where the set is too
    large for the format's float32 numbers.
    """
    with whole_folder(folder) as partial:
        path = partial / RECORDS_FILE
        with path.open("wb") as stream:
            writer = RecordWriter(stream)
            num_classes = _write_all(writer, pictures)
        write_index(writer.index(path), partial / INDEX_FILE)
        size = f"{CROP_SIZE_PX},{CROP_SIZE_PX}"
        (partial / PROPERTY_FILE).write_text(f"{num_classes},{size}\n", encoding="ascii")
    return num_classes


def _write_all(writer: RecordWriter, pictures: Iterable[LabelledPicture]) -> int:
    key, firsts = 0, list[int]()
    for key, picture in enumerate(pictures, start=1):
        if picture.label == len(firsts):
            firsts.append(key)
        if picture.label != len(firsts) - 1:
            raise ManifestError(
                f"picture {key} has label {picture.label} where {len(firsts) - 1} or"
                f" {len(firsts)} must stand; sort by label and number the people without a gap"
            )
        _check_range(key + len(firsts) + 1)
        writer.write(key, pack_header(key, picture.label) + picture.content)
    _write_ranges(writer, firsts, key + 1)
    return len(firsts)


def _write_ranges(writer: RecordWriter, firsts: list[int], end: int) -> None:
    """Identity records after the pictures, then the header that says where they are."""
    for key, span in enumerate(pairwise([*firsts, end]), start=end):
        writer.write(key, pack_header(key, span))
    writer.write(0, pack_header(0, (end, end + len(firsts))))


def _check_range(end: int) -> None:
    if end >= EXACT_LABELS:
        raise ManifestError(
            f"the set has {end:,} records or more and its header counts them in float32, exact"
            f" below {EXACT_LABELS:,}; write it as several files"
        )
