"""Protobuf's wire format, as far as a reader needs that only looks at what a message holds.

Source: Protocol Buffers, "Encoding". A message is a run of records: a key (field number and wire
type, as a varint), then a value. Nothing is copied; values with a length are views.
"""

from collections.abc import Iterator
from typing import Final

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES: Final = 10

Value = int | memoryview
"""A varint as an int; everything else as its bytes."""


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def read_fields(message: memoryview) -> Iterator[tuple[int, Value, bool]]:
    """Give each record's field number, its value, and whether the value came with a length.

    Raises `WireError` for a record cut short, an overlong varint, field number 0, and the wire
    types 3, 4, 6 and 7: groups, which ONNX never had, and types that do not exist.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise WireError("a field has number 0")
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value, False
            continue
        if kind == _LENGTH:
            size, at = _varint(message, at)
        elif kind in _FIXED_BYTES:
            size = _FIXED_BYTES[kind]
        else:
            raise WireError(f"field {number} has wire type {kind}")
        if size > len(message) - at:
            raise WireError(f"field {number} is cut short")
        yield number, message[at : at + size], kind == _LENGTH
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_MAX_VARINT_BYTES):
        if at + place >= len(message):
            raise WireError("a number is cut short")
        byte = message[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise WireError(f"a number has more than {_MAX_VARINT_BYTES} bytes")
