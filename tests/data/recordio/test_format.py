"""The container against bytes of mxnet's own, and against itself for any payload."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.recordio.format import MAGIC_BYTES, MAX_LENGTH, decode_record, encode_record

payloads = st.lists(
    st.one_of(st.binary(max_size=9), st.just(MAGIC_BYTES), st.just(MAGIC_BYTES[:3])), max_size=8
).map(b"".join)


def test_one_part_as_documented() -> None:
    assert encode_record(b"abcde") == bytes.fromhex("0a23d7ce 05000000 6162636465 000000")


def test_magic_at_a_multiple_of_four_is_cut_out() -> None:
    payload = b"AAAA" + MAGIC_BYTES + b"BBB"
    first, last = struct.pack("<I", 1 << 29 | 4), struct.pack("<I", 3 << 29 | 3)
    expected = MAGIC_BYTES + first + b"AAAA" + MAGIC_BYTES + last + b"BBB\0"
    assert encode_record(payload) == expected
    assert decode_record(memoryview(expected), 0) == payload


def test_magic_elsewhere_stays() -> None:
    encoded = encode_record(b"A" + MAGIC_BYTES + b"AAA")
    assert encoded[8:] == b"A" + MAGIC_BYTES + b"AAA"


@given(st.lists(payloads, min_size=1, max_size=4))
@example([MAGIC_BYTES])
@example([MAGIC_BYTES * 3 + b"x"])
def test_records_come_back_and_magic_begins_parts_only(records: list[bytes]) -> None:
    encoded = b"".join(map(encode_record, records))
    assert len(encoded) % 4 == 0
    offset, part_heads, found = 0, 0, []
    for record in records:
        found.append(bytes(decode_record(memoryview(encoded), offset)))
        offset += len(encode_record(record))
        part_heads += 1 + sum(record[i : i + 4] == MAGIC_BYTES for i in range(0, len(record), 4))
    assert found == records
    aligned = [encoded[i : i + 4] for i in range(0, len(encoded), 4)]
    assert aligned.count(MAGIC_BYTES) == part_heads


@given(payloads, st.data())
def test_a_cut_record_is_refused(payload: bytes, data: st.DataObject) -> None:
    encoded = encode_record(payload)
    padding = -len(payload) % 4
    kept = data.draw(st.integers(0, len(encoded) - padding - 1))
    with pytest.raises(ValueError, match="the file ends"):
        decode_record(memoryview(encoded[:kept]), 0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([2], "middle of a record"),
        ([3], "middle of a record"),
        ([5], "middle of a record"),
        ([1, 0], "last part is missing"),
        ([1, 1], "last part is missing"),
        ([1, 2], "the file ends"),
    ],
)
def test_parts_out_of_order_are_refused(flags: list[int], message: str) -> None:
    content = b"".join(MAGIC_BYTES + struct.pack("<I", flag << 29) for flag in flags)
    with pytest.raises(ValueError, match=message):
        decode_record(memoryview(content), 0)


def test_no_record_at_the_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no record begins at byte 4"):
        decode_record(memoryview(encode_record(b"12345678")), 4)


def test_a_record_too_long_for_its_length_field_is_refused() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return MAX_LENGTH + 1

    with pytest.raises(ValueError, match="do not fit a record"):
        encode_record(Long())
