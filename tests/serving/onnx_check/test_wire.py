"""The wire reader beside the real protobuf, and on bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto

from serving.onnx_check.wire import WireError, read_fields


@given(
    dims=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    name=st.text(max_size=200),
    raw=st.binary(max_size=300),
    floats=st.lists(st.floats(width=32, allow_nan=False), max_size=5),
)
def test_it_reads_what_protobuf_writes(
    dims: list[int], name: str, raw: bytes, floats: list[float]
) -> None:
    tensor = TensorProto(dims=dims, name=name, raw_data=raw, float_data=floats)
    found = list(read_fields(memoryview(tensor.SerializeToString())))
    assert [value for number, value, _ in found if number == 1] == [dim % 2**64 for dim in dims]
    by_number = {number: value for number, value, has_length in found if has_length}
    assert bytes(by_number[8]).decode() == name
    assert bytes(by_number[9]) == raw
    assert (4 in by_number) == bool(floats)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found = list(read_fields(memoryview(content)))
    except WireError:
        return
    assert all(number > 0 for number, _, _ in found)
    assert sum(len(value) for _, value, _ in found if not isinstance(value, int)) <= len(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80", "a number is cut short"),
        (b"\x08" + b"\xff" * 10, "more than 10 bytes"),
        (b"\x00\x01", "number 0"),
        (b"\x12\x05abc", "field 2 is cut short"),
        (b"\x0d\x00\x00", "field 1 is cut short"),
        (b"\x13\x14", "wire type 3"),
        (b"\x0e", "wire type 6"),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        list(read_fields(memoryview(content)))
