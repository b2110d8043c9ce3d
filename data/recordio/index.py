"""Where each record lies: `train.idx`, lines of `key TAB byte offset`, as two sorted arrays.

Millions of lines are parsed in blocks by numpy, never line by line. Lines come in any order; in
InsightFace's sets key 0 is the last one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import SourceError
from data.files import whole_file

Int64s = NDArray[np.int64]

BLOCK_BYTES: Final = 1 << 18  # stays in the cache of a core
MIN_LINE_BYTES: Final = 4
MAX_LINE_BYTES: Final = 64
MAX_NUMBER: Final = 10**18 - 1
_NONE: Final[Int64s] = np.zeros(0, np.int64)
_LINE: Final = re.compile(rb"[0-9]{1,18}\t[0-9]{1,18}")
REMEDY: Final = "rebuild it with data.recordio.scan.rebuild_index, or fetch both files again"


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """Keys in ascending order and the byte offset of each record; both (n,) int64, n > 0."""

    keys: Int64s
    offsets: Int64s

    def position(self, key: int) -> int:
        """Row of one key. Raises `KeyError` where it is not there."""
        # Keys mostly run without a gap, and then the row is known without a search.
        row = key - int(self.keys[0])
        if 0 <= row < len(self.keys) and self.keys[row] == key:
            return row
        row = int(np.searchsorted(self.keys, key))
        if row < len(self.keys) and self.keys[row] == key:
            return row
        raise KeyError(key)

    def positions(self, keys: Int64s) -> Int64s:
        """Rows of many keys. Raises `KeyError` with the first key that is not there."""
        rows = np.clip(keys - self.keys[0], 0, len(self.keys) - 1)
        strangers = self.keys[rows] != keys
        if strangers.any():
            found = np.searchsorted(self.keys, keys[strangers])
            rows[strangers] = np.minimum(found, len(self.keys) - 1)
            strangers = self.keys[rows] != keys
        if strangers.any():
            raise KeyError(int(keys[strangers][0]))
        return np.asarray(rows, np.int64)


def read_index(path: Path) -> RecordIndex:
    """Parse an `.idx` file. Raises `SourceError` that names the file and the line or key."""
    try:
        keys, offsets = _parse(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); {REMEDY}") from error
    if not len(keys):
        raise SourceError(f"{path}: it names no record; {REMEDY}")
    return sorted_index(keys, offsets, path)


def sorted_index(keys: Int64s, offsets: Int64s, path: Path) -> RecordIndex:
    """Index of unsorted rows; `path` is for the message. A key twice is a `SourceError`."""
    keys, offsets = _in_order(keys, offsets)
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if len(twice):
        raise SourceError(f"{path}: key {keys[twice[0]]} stands there twice; {REMEDY}")
    for array in (keys, offsets):
        array.setflags(write=False)
    return RecordIndex(keys, offsets)


def write_index(index: RecordIndex, path: Path) -> None:
    """Write an `.idx` file, whole or not at all; the lines in the order of the keys."""
    with whole_file(path) as partial, partial.open("wb") as stream:
        for start in range(0, len(index.keys), BLOCK_BYTES // 16):
            rows = slice(start, start + BLOCK_BYTES // 16)
            pairs = zip(index.keys[rows].tolist(), index.offsets[rows].tolist(), strict=True)
            stream.write("".join(f"{key}\t{offset}\n" for key, offset in pairs).encode())


def _in_order(keys: Int64s, offsets: Int64s) -> tuple[Int64s, Int64s]:
    if not (keys[1:] < keys[:-1]).any():
        return keys, offsets
    order = np.argsort(keys, kind="stable")
    return keys[order], offsets[order]


def _parse(path: Path) -> tuple[Int64s, Int64s]:
    """Keys and offsets in the order of the lines, but for a last key that belongs in front."""
    # Room for the most lines that can be, with one row free in front; what is not used is never
    # touched, and so takes no memory.
    keys = np.empty(path.stat().st_size // MIN_LINE_BYTES + 2, np.int64)
    offsets = np.empty_like(keys)
    start = end = 1
    for numbers in _number_blocks(path):
        rows = slice(end, end + len(numbers) // 2)
        keys[rows], offsets[rows] = numbers[0::2], numbers[1::2]
        end = rows.stop
    if end > 2 and keys[end - 1] < keys[1]:  # as InsightFace writes key 0: saves the sorting
        start, end = 0, end - 1
        keys[0], offsets[0] = keys[end], offsets[end]
    return keys[start:end], offsets[start:end]


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines, each line ended by a plain newline."""
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            block += stream.readline(MAX_LINE_BYTES)  # a longer line is broken, and cut here
            ended = block if block.endswith(b"\n") else block + b"\n"
            yield ended.replace(b"\r\n", b"\n")


def _number_blocks(path: Path) -> Iterator[Int64s]:
    """Keys and offsets in turn, (2n,) int64 for each block of n lines."""
    lines_before = 0
    for block in _blocks(path):
        count = block.count(b"\n")
        # The parser forgives much, so the form of every line is checked before it.
        is_in_form = block.translate(None, b"0123456789") == b"\t\n" * count
        numbers = np.fromstring(block, np.int64, sep=" ") if is_in_form else _NONE
        if len(numbers) != 2 * count or numbers.max() > MAX_NUMBER:
            line = lines_before + _broken_line(block)
            raise SourceError(f"{path}, line {line}: it is not `key TAB byte offset`; {REMEDY}")
        lines_before += count
        yield numbers


def _broken_line(block: bytes) -> int:
    """Number, from 1, of the first line that is not in the form."""
    lines = block.split(b"\n")
    return next(n for n, line in enumerate(lines, start=1) if not _LINE.fullmatch(line))
