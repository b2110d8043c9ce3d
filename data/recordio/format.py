"""The container: how a record of any bytes lies in a `.rec` file.

A part is `u32 magic | u32 flag and length | bytes | zeros up to a multiple of 4`, little-endian. A
record is one part, or several where its bytes hold the magic at a multiple of 4: the writer cuts
there and leaves the magic out, the reader puts it back. So the magic stands at a multiple of 4
where a part begins and nowhere else. (dmlc-core: include/dmlc/recordio.h, src/recordio.cc.)
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

MAGIC: Final = 0xCED7230A
"""Its upper three bits are no valid flag, so a part's second word never looks like the magic."""
MAGIC_BYTES: Final = struct.pack("<I", MAGIC)
PART_HEAD: Final = struct.Struct("<II")
ALIGNMENT: Final = 4
LENGTH_BITS: Final = 29
MAX_LENGTH: Final = (1 << LENGTH_BITS) - 1


class PartFlag(IntEnum):
    """Which part of a record this is."""

    WHOLE = 0
    FIRST = 1
    MIDDLE = 2
    LAST = 3


def padded(length: int) -> int:
    """Length rounded up to a multiple of 4."""
    return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def encode_record(payload: bytes) -> bytes:
    """Bytes of a record as they lie in the file. Raises `ValueError` over 2^29 - 1 bytes."""
    if len(payload) > MAX_LENGTH:
        raise ValueError(f"{len(payload):,} bytes do not fit a record ({MAX_LENGTH:,} at most)")
    cuts = list(_magic_positions(payload))
    starts = [0, *(cut + ALIGNMENT for cut in cuts)]
    parts = [payload[start:end] for start, end in zip(starts, [*cuts, len(payload)], strict=True)]
    flags = _flags(len(parts))
    return b"".join(_encode_part(flag, part) for flag, part in zip(flags, parts, strict=True))


def decode_record(content: memoryview, offset: int) -> memoryview | bytes:
    """Payload of the record at a byte offset: a view where it is one part, else joined bytes.

    Raises `ValueError` where no whole record begins there.
    """
    flag, part, offset = _decode_part(content, offset)
    if flag == PartFlag.WHOLE:
        return part
    if flag != PartFlag.FIRST:
        raise ValueError("it begins in the middle of a record")
    parts = [part]
    while flag != PartFlag.LAST:
        flag, part, offset = _decode_part(content, offset)
        if flag not in (PartFlag.MIDDLE, PartFlag.LAST):
            raise ValueError("its last part is missing")
        parts.append(part)
    return MAGIC_BYTES.join(parts)


def _magic_positions(payload: bytes) -> Iterator[int]:
    position = payload.find(MAGIC_BYTES)
    while position >= 0:
        if position % ALIGNMENT == 0:
            yield position
            position = payload.find(MAGIC_BYTES, position + ALIGNMENT)
        else:
            position = payload.find(MAGIC_BYTES, position + 1)


def _flags(count: int) -> list[PartFlag]:
    if count == 1:
        return [PartFlag.WHOLE]
    return [PartFlag.FIRST, *[PartFlag.MIDDLE] * (count - 2), PartFlag.LAST]


def _encode_part(flag: PartFlag, part: bytes) -> bytes:
    head = PART_HEAD.pack(MAGIC, flag << LENGTH_BITS | len(part))
    return head + part + bytes(padded(len(part)) - len(part))


def _decode_part(content: memoryview, offset: int) -> tuple[int, memoryview, int]:
    """Flag, bytes and where the next part begins."""
    start = offset + PART_HEAD.size
    if start > len(content):
        raise ValueError(f"the file ends at byte {len(content):,}, before byte {start:,}")
    magic, word = PART_HEAD.unpack_from(content, offset)
    if magic != MAGIC:
        raise ValueError(f"no record begins at byte {offset:,}")
    end = start + (word & MAX_LENGTH)
    if end > len(content):
        raise ValueError(f"the file ends at byte {len(content):,}, before byte {end:,}")
    return word >> LENGTH_BITS, content[start:end], start + padded(end - start)
