"""Random access to the records of a `.rec` file by memory map."""

import mmap
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from data.errors import SourceError
from data.recordio.format import (
    ALIGNMENT,
    LENGTH_BITS,
    MAGIC,
    MAX_LENGTH,
    PART_HEAD,
    decode_record,
)
from data.recordio.header import HEADER, LABEL_BYTES, RecordHeader, unpack_header
from data.recordio.index import Int64s, RecordIndex, read_index

_SAMPLES: Final = 64
"""Records looked at on opening; with an index of another file hardly one of them fits."""
_MOST_BYTES_AHEAD: Final = 1 << 17
"""What is asked for of one record at the most; an aligned face has about 6 kB."""


class RecordFile:
    """An open `.rec` file: immutable, without a file position, so threads and forks may share it.

    The file must stay as it is while it is open: a map of a file that shrinks ends the process.
    """

    def __init__(self, path: Path, content: mmap.mmap, index: RecordIndex) -> None:
        """Take a map and an index that belong together; `open` makes sure that they do."""
        self.path = path
        self.index = index
        self._map = content
        self._content = memoryview(content)
        self._words = np.frombuffer(content, "<u4", len(content) // ALIGNMENT)

    @classmethod
    def open(cls, path: Path, index_path: Path | None = None) -> Self:
        """Map `path` and read its index, by default the `.idx` beside it.

        Raises `SourceError` where either is missing, cut short, or does not fit the other.
        """
        index_path = index_path or path.with_suffix(".idx")
        content = map_file(path)
        file = cls(path, content, read_index(index_path))
        _check_offsets(file.index.offsets, path, len(content), index_path)
        file.check_samples()
        return file

    def __len__(self) -> int:
        return len(self.index.keys)

    @property
    def keys(self) -> Int64s:
        """Keys of all records, ascending: (n,) int64."""
        return self.index.keys

    def read(self, key: int) -> memoryview | bytes:
        """Payload of one record. Raises `SourceError` that names file and record."""
        try:
            offset = int(self.index.offsets[self.index.position(key)])
            return decode_record(self._content, offset)
        except KeyError as error:
            raise self._unknown(key) from error
        except ValueError as error:
            raise self._broken(key, error) from error

    def read_record(self, key: int) -> tuple[RecordHeader, memoryview]:
        """Header and encoded picture of one record; the picture is empty in a metadata record.

        Raises `SourceError` that names file and record.
        """
        payload = self.read(key)
        try:
            return unpack_header(payload)
        except ValueError as error:
            raise self._broken(key, error) from error

    def read_image(self, key: int) -> memoryview:
        """Encoded picture of one record, as `read_record`."""
        return self.read_record(key)[1]

    def read_batch(self, keys: Sequence[int] | Int64s) -> list[memoryview]:
        """Encoded pictures of many records, in the order of `keys`, mostly views without a copy.

        Raises `SourceError` that names file and record.
        """
        wanted = np.asarray(keys, np.int64)
        starts, ends, is_plain = self._plain_images(self._offsets(wanted))
        if not is_plain.all():
            return [self.read_image(key) for key in wanted.tolist()]
        content = self._content
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        return [content[start:end] for start, end in spans]

    def words_at(self, offsets: Int64s, word: int) -> NDArray[np.uint32]:
        """The u32 number `word` (0: the magic) of each record; 0 where the file ends before it."""
        rows = offsets // ALIGNMENT + word
        found: NDArray[np.uint32] = self._words[np.minimum(rows, len(self._words) - 1)]
        return np.where(rows < len(self._words), found, np.uint32(0))

    def fetch_ahead(self, keys: Int64s) -> None:
        """Ask the system for the pages of these records, all at once; returns without waiting.

        Left to page faults, shuffled reading fetches each record by itself. Raises `SourceError`
        for a record that is not there.
        """
        starts = self._offsets(keys)
        ends = self._offsets_after(keys)
        pages = starts - starts % mmap.PAGESIZE
        sizes = np.clip(ends - pages, 1, _MOST_BYTES_AHEAD)
        for page, size in zip(pages.tolist(), sizes.tolist(), strict=True):
            with suppress(OSError):  # no more than advice
                self._map.madvise(mmap.MADV_WILLNEED, page, size)

    def forget_pages(self) -> None:
        """Give back the memory of pages that were read; they are read again when needed."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def check_samples(self) -> None:
        """Look at the last record in the file and at some of the others."""
        offsets = self.index.offsets
        last = np.flatnonzero(offsets == offsets.max())  # argmax copies what is read-only
        spread = np.linspace(0, len(self) - 1, min(_SAMPLES, len(self))).astype(np.int64)
        for row in {*last.tolist(), *spread.tolist()}:
            self.read(int(self.keys[row]))

    def _offsets(self, keys: Int64s) -> Int64s:
        try:
            return self.index.offsets[self.index.positions(keys)]
        except KeyError as error:
            raise self._unknown(error.args[0]) from error

    def _offsets_after(self, keys: Int64s) -> Int64s:
        """Where the record of the next key begins, mostly the next one in the file."""
        rows = self.index.positions(keys) + 1
        return self.index.offsets[np.minimum(rows, len(self) - 1)]

    def _unknown(self, key: int) -> SourceError:
        return SourceError(f"{self.path}: it has no record {key}")

    def _plain_images(self, offsets: Int64s) -> tuple[Int64s, Int64s, NDArray[np.bool_]]:
        """Where each picture begins and ends, and whether its record is whole and in one part."""
        word = self.words_at(offsets, 1)
        ends = offsets + PART_HEAD.size + (word & MAX_LENGTH)
        num_labels = self.words_at(offsets, 2).astype(np.int64)
        starts = offsets + PART_HEAD.size + HEADER.size + LABEL_BYTES * num_labels
        is_plain = (
            (self.words_at(offsets, 0) == MAGIC)
            & (word >> LENGTH_BITS == 0)
            & (starts <= ends)
            & (ends <= len(self._content))
        )
        return starts, ends, is_plain

    def _broken(self, key: int, error: ValueError) -> SourceError:
        return SourceError(
            f"{self.path}, record {key}: {error}; fetch the file again, or rebuild its .idx"
        )


def map_file(path: Path) -> mmap.mmap:
    """Map a whole file for reading. Raises `SourceError` where it is missing or empty."""
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be mapped ({error}); fetch it again") from error


def _check_offsets(offsets: Int64s, path: Path, file_bytes: int, index_path: Path) -> None:
    problem = _offset_problem(offsets, file_bytes)
    if problem:
        raise SourceError(
            f"{path}: {problem} in its index {index_path.name}; the two are of different files or"
            " one is cut short: fetch both again, or rebuild the index from the .rec"
        )


def _offset_problem(offsets: Int64s, file_bytes: int) -> str | None:
    if np.bitwise_or.reduce(offsets) % ALIGNMENT:  # of all at once, for a table takes memory
        wrong = offsets[offsets % ALIGNMENT != 0][0]
        return f"offset {wrong:,} is no multiple of {ALIGNMENT}"
    if offsets.max() > file_bytes - PART_HEAD.size:
        return f"the file has {file_bytes:,} bytes and offset {offsets.max():,} stands"
    falls = np.flatnonzero(offsets[1:] <= offsets[:-1])
    if len(falls) > 1 or (len(falls) == 1 and offsets[-1] >= offsets[0]):
        # Neither ascending nor turned, as with key 0 last in the file: only sorting will tell.
        ordered = np.sort(offsets)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        return f"offset {twice[0]:,} stands twice" if len(twice) else None
    return None
