"""Who is in each record: labels of millions of records at once, metadata told from pictures.

InsightFace's sets hold records without a picture: a header (key 0) with the range of the identity
records, and one of those for each identity with the range of its pictures. Their numbers are
float32 and wrong above 2^24 (Glint360K), so nothing here believes them: a record is metadata
because it has two labels or more and no picture. im2rec writes no such records; all are pictures.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import SourceError
from data.recordio.format import LENGTH_BITS, MAGIC, MAX_LENGTH
from data.recordio.header import EXACT_LABELS, HEADER, LABEL_BYTES
from data.recordio.index import Int64s
from data.recordio.reader import RecordFile

_BLOCK_RECORDS: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class PictureLabels:
    """Records that hold a picture, in the order of their keys."""

    keys: Int64s
    """(n,)."""
    labels: Int64s
    """(n,), the class of each; below 0: nobody knows who it is."""
    num_metadata: int
    """Records without a picture."""


def read_labels(file: RecordFile) -> PictureLabels:
    """Labels of all pictures of a file; the first label where a record has several.

    Raises `SourceError` that names file and record where a record is broken, or where its label is
    no whole number or too large to be exact as float32.
    """
    labels = np.empty(len(file), np.float32)
    is_metadata = np.zeros(len(file), np.bool_)
    for rows in _blocks(len(file)):
        labels[rows], is_metadata[rows] = _block_labels(file, rows)
        file.forget_pages()
    keys = file.keys[~is_metadata]
    return PictureLabels(keys, _exact(file, keys, labels[~is_metadata]), int(is_metadata.sum()))


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK_RECORDS):
        yield slice(start, start + _BLOCK_RECORDS)


def _block_labels(file: RecordFile, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    keys, offsets = file.keys[rows], file.index.offsets[rows]
    second, flag = file.words_at(offsets, 1), file.words_at(offsets, 2)
    labels = np.where(flag == 0, file.words_at(offsets, 3), file.words_at(offsets, 8))
    labels = labels.astype("<u4").view("<f4")
    picture_bytes = (second & MAX_LENGTH) - HEADER.size - LABEL_BYTES * flag.astype(np.int64)
    is_metadata = (flag >= 2) & (picture_bytes == 0)
    is_plain = (file.words_at(offsets, 0) == MAGIC) & (second >> LENGTH_BITS == 0)
    for row in np.flatnonzero(~is_plain | (picture_bytes < 0)).tolist():
        header, picture = file.read_record(int(keys[row]))
        labels[row] = header.labels[0]
        is_metadata[row] = len(header.labels) >= 2 and not len(picture)
    return labels, is_metadata


def _exact(file: RecordFile, keys: Int64s, labels: NDArray[np.float32]) -> Int64s:
    is_whole = np.isfinite(labels) & (labels == np.floor(labels))
    is_exact = is_whole & (np.abs(labels) < EXACT_LABELS)
    if not is_exact.all():
        row = int(np.flatnonzero(~is_exact)[0])
        problem = (
            f"of which float32 holds only some above {EXACT_LABELS:,}: people would be mixed up;"
            " take the labels from the list that the file was made of"
            if is_whole[row]
            else "which is no whole number; it is no file of one label for each person"
        )
        raise SourceError(f"{file.path}, record {keys[row]}: label {labels[row]:.1f}, {problem}")
    return labels.astype(np.int64)
