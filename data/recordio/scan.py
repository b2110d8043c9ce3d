"""A `.rec` file without its index: find every record, and write the `.idx` anew."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import SourceError
from data.recordio.format import (
    ALIGNMENT,
    LENGTH_BITS,
    MAGIC,
    MAX_LENGTH,
    PART_HEAD,
    PartFlag,
    padded,
)
from data.recordio.header import HEADER
from data.recordio.index import MAX_NUMBER, Int64s, RecordIndex, sorted_index, write_index
from data.recordio.reader import RecordFile, map_file

_BLOCK_WORDS: Final = 1 << 22


def rebuild_index(path: Path) -> Path:
    """Write the `.idx` beside a `.rec` file and return its path.

    The key of a record is the id in its header where all ids differ, as the tools that pack faces
    write it, else its place in the file from 0. Raises `SourceError` where the file is cut short.
    """
    index_path = path.with_suffix(".idx")
    write_index(scan_index(path), index_path)
    return index_path


def scan_index(path: Path) -> RecordIndex:
    """Index of a `.rec` file, as `rebuild_index` writes it."""
    offsets = _record_offsets(path)
    places = RecordIndex(np.arange(len(offsets), dtype=np.int64), offsets)
    ids = _header_ids(RecordFile(path, map_file(path), places))
    if ids is None or _has_twins(ids):
        return places
    return sorted_index(ids, offsets, path)


def _record_offsets(path: Path) -> Int64s:
    content = map_file(path)
    words = np.frombuffer(content, "<u4", len(content) // ALIGNMENT)
    heads = _magic_words(words)
    second = words[np.minimum(heads + 1, len(words) - 1)].astype(np.int64)
    flags = second >> LENGTH_BITS
    broken = _first_broken(heads * ALIGNMENT, second & MAX_LENGTH, flags, len(content))
    if broken is not None:
        raise SourceError(
            f"{path}: what begins at byte {broken:,} of {len(content):,} is no whole record; the"
            " file is damaged or cut short: fetch it again"
        )
    begins_record = (flags == PartFlag.WHOLE) | (flags == PartFlag.FIRST)
    return np.asarray(heads[begins_record] * ALIGNMENT, np.int64)


def _magic_words(words: NDArray[np.uint32]) -> Int64s:
    """Every place of the magic: where parts begin and, as the writer sees to it, nowhere else."""
    found = [
        np.flatnonzero(words[start : start + _BLOCK_WORDS] == MAGIC) + start
        for start in range(0, len(words), _BLOCK_WORDS)
    ]
    return np.concatenate([np.zeros(0, np.int64), *found])


def _first_broken(offsets: Int64s, lengths: Int64s, flags: Int64s, file_bytes: int) -> int | None:
    """Byte of the first part that the next one does not follow as it must; None: all are well."""
    ends = offsets + PART_HEAD.size + lengths
    is_cut = len(ends) > 0 and ends[-1] > file_bytes
    expected = np.append(0, (ends + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT)
    begins = np.append(offsets, -1 if is_cut else padded(file_bytes))
    is_open = np.isin(flags, (PartFlag.FIRST, PartFlag.MIDDLE))
    is_inner = np.isin(flags, (PartFlag.MIDDLE, PartFlag.LAST))
    is_well = (expected == begins) & (np.append(False, is_open) == np.append(is_inner, False))
    is_well[1:] &= flags <= PartFlag.LAST
    return None if is_well.all() else int(np.append(0, offsets)[np.argmin(is_well)])


def _has_twins(ids: Int64s) -> bool:
    ordered = np.sort(ids)  # many times quicker than np.unique, which hashes
    return bool((ordered[1:] == ordered[:-1]).any())


def _header_ids(file: RecordFile) -> Int64s | None:
    """The id in the header of each record; None where a record has no header or no usable id."""
    offsets = file.index.offsets
    second = file.words_at(offsets, 1)
    ids = file.words_at(offsets, 4).astype(np.uint64) | (
        file.words_at(offsets, 5).astype(np.uint64) << np.uint64(32)
    )
    is_whole = second >> LENGTH_BITS == PartFlag.WHOLE
    if (second[is_whole] & MAX_LENGTH < HEADER.size).any():
        return None
    for row in np.flatnonzero(~is_whole).tolist():  # the cut may go through the header
        ids[row] = _id_of(file, row)
    return ids.astype(np.int64) if ids.max() <= MAX_NUMBER else None


def _id_of(file: RecordFile, row: int) -> int:
    payload = bytes(file.read(row))
    if len(payload) < HEADER.size:
        return MAX_NUMBER + 1
    record_id: int = HEADER.unpack_from(payload)[2]
    return record_id
