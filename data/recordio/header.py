"""What precedes the picture in a record: flag, label or labels, and two ids.

`u32 flag | f32 label | u64 id | u64 id2`, little-endian; where the flag is not 0 it is the number
of float32 labels that follow and stand for the one (mxnet: python/mxnet/recordio.py, `IRHeader`).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HEADER: Final = struct.Struct("<IfQQ")
LABEL_BYTES: Final = 4
EXACT_LABELS: Final = 1 << 24
"""A float32 holds every integer below this; from here on neighbours share one value."""

MAX_LABELS: Final = 4096
"""No set has more; a hostile one could fill the memory with them."""


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """Header of one record."""

    labels: tuple[float, ...]
    """One where the flag is 0, else as many as the flag says. Float32 values."""
    record_id: int
    """Of the record in its file, by convention its key."""
    record_id2: int = 0
    """Unused by face data sets."""
    is_vector: bool = False
    """Whether the labels stand after the header (flag > 0) rather than in it."""


def unpack_header(payload: memoryview | bytes) -> tuple[RecordHeader, memoryview]:
    """Header of a record and the encoded picture behind it, without a copy.

    Raises `ValueError` where the record is too short for the header or for its labels.
    """
    view = memoryview(payload)
    if len(view) < HEADER.size:
        raise ValueError(f"{len(view)} bytes are too few for a header of {HEADER.size}")
    flag, label, record_id, record_id2 = HEADER.unpack_from(view)
    start = HEADER.size + LABEL_BYTES * flag
    if start > len(view) or flag > MAX_LABELS:
        raise ValueError(f"its header announces {flag:,} labels and it has {len(view):,} bytes")
    labels = struct.unpack_from(f"<{flag}f", view, HEADER.size) if flag else (label,)
    return RecordHeader(labels, record_id, record_id2, flag > 0), view[start:]


def pack_header(record_id: int, labels: int | Sequence[int]) -> bytes:
    """Header with one label (flag 0) or a vector of them (flag = their number).

    Raises `ValueError` where a label is not exact as float32.
    """
    if isinstance(labels, int):
        return HEADER.pack(0, _exact(labels), record_id, 0)
    values = [_exact(label) for label in labels]
    return HEADER.pack(len(values), 0.0, record_id, 0) + struct.pack(f"<{len(values)}f", *values)


def _exact(label: int) -> float:
    if abs(label) >= EXACT_LABELS:
        raise ValueError(
            f"label {label:,} does not fit: RecordIO stores labels as float32, which holds every"
            f" integer only below {EXACT_LABELS:,}"
        )
    return float(label)
