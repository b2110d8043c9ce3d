"""The header against the documented bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.recordio.header import pack_header, unpack_header


def test_one_label_lies_in_the_header() -> None:
    header, picture = unpack_header(struct.pack("<IfQQ", 0, 7.0, 2**40, 9) + b"jpg")
    assert (header.labels, header.record_id, header.record_id2) == ((7.0,), 2**40, 9)
    assert not header.is_vector
    assert bytes(picture) == b"jpg"


def test_several_labels_follow_the_header() -> None:
    header, picture = unpack_header(struct.pack("<IfQQff", 2, 99.0, 5, 0, 3.0, 9.0) + b"jpg")
    assert header.labels == (3.0, 9.0)
    assert header.is_vector
    assert bytes(picture) == b"jpg"


@given(st.lists(st.integers(-5, 2**24 - 1), min_size=1, max_size=4), st.integers(0, 2**63))
def test_what_is_packed_is_unpacked(labels: list[int], record_id: int) -> None:
    header, picture = unpack_header(pack_header(record_id, labels))
    assert (list(header.labels), header.record_id, len(picture)) == (labels, record_id, 0)
    header, _ = unpack_header(pack_header(record_id, labels[0]))
    assert header.labels == (labels[0],)


@pytest.mark.parametrize("labels", [2**24, 2**24 + 1, [0, 2**24]])
def test_labels_that_float32_loses_are_not_written(labels: int | list[int]) -> None:
    with pytest.raises(ValueError, match=r"16,777,21[67] does not fit"):
        pack_header(1, labels)


@pytest.mark.parametrize("flag", [1, 2, 0xFFFFFFFF])
def test_more_labels_than_bytes_are_refused(flag: int) -> None:
    with pytest.raises(ValueError, match=f"announces {flag:,} labels"):
        unpack_header(struct.pack("<IfQQ", flag, 0, 0, 0) + b"\0\0\0")


def test_a_flood_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="announces 4,097 labels"):
        unpack_header(struct.pack("<IfQQ", 4097, 0, 0, 0) + bytes(4 * 4097))


def test_a_record_shorter_than_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="23 bytes are too few"):
        unpack_header(bytes(23))
