"""A lost index comes back, and a damaged file does not pass for a whole one."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SourceError
from data.recordio import scan
from data.recordio.format import MAGIC_BYTES, encode_record
from data.recordio.header import pack_header
from data.recordio.index import read_index
from data.recordio.reader import RecordFile
from tests.data.recordio.conftest import MXNET_REC, PICTURES


def test_index_of_mxnet_comes_back(mxnet_set: Path) -> None:
    lost = read_index(mxnet_set.with_suffix(".idx"))
    mxnet_set.with_suffix(".idx").unlink()
    found = read_index(scan.rebuild_index(mxnet_set))
    np.testing.assert_array_equal(found.keys, lost.keys)
    np.testing.assert_array_equal(found.offsets, lost.offsets)
    assert bytes(RecordFile.open(mxnet_set).read_image(3)) == PICTURES[3]


@pytest.mark.parametrize(
    "records",
    [
        [pack_header(4, 0) + b"a", pack_header(4, 1) + b"b"],  # ids that are not keys
        [pack_header(4, 0) + b"a", b"no header"],
        [pack_header(2**63, 0) + b"a"],
    ],
)
def test_places_are_the_keys_where_ids_are_of_no_use(tmp_path: Path, records: list[bytes]) -> None:
    path = tmp_path / "train.rec"
    path.write_bytes(b"".join(map(encode_record, records)))
    scan.rebuild_index(path)
    file = RecordFile.open(path)
    assert [bytes(file.read(key)) for key in range(len(records))] == records


def test_a_cut_through_the_header_is_no_trouble(tmp_path: Path) -> None:
    magic_id = struct.unpack("<I", MAGIC_BYTES)[0]
    record = pack_header(magic_id << 32 | 7, 3) + b"jpg"  # the id holds the magic at byte 12
    path = tmp_path / "train.rec"
    path.write_bytes(encode_record(record) + encode_record(pack_header(1, 2)))
    assert encode_record(record).count(MAGIC_BYTES) == 2
    scan.rebuild_index(path)
    assert bytes(RecordFile.open(path).read_image(1)) == b""
    assert len(RecordFile.open(path)) == 2


@given(kept=st.integers(1, len(MXNET_REC) - 1), block=st.integers(1, 9))
def test_a_cut_file_is_refused_or_loses_whole_records_only(
    tmp_path_factory: pytest.TempPathFactory, kept: int, block: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "train.rec"
    path.write_bytes(MXNET_REC[:kept])
    ends = (40, 84, 148, 188)  # between records, where a cut cannot be seen
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_BLOCK_WORDS", block)
        if kept in ends or kept in (37, 38, 39, 83):  # only padding is missing
            assert len(scan.scan_index(path).keys) == 1 + sum(end < kept for end in ends)
        else:
            with pytest.raises(SourceError, match="damaged or cut short"):
                scan.scan_index(path)


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (b"\x89PNG\r\n\x1a\n", 0),
        (b"ab", 0),
        (b"\0\0\0\0" + MXNET_REC, 0),
        (MXNET_REC[:40] + b"\0\0\0\0" + MXNET_REC[40:], 0),
        (MXNET_REC + b"\0\0\0\0", 188),
        (MXNET_REC[:84] + MXNET_REC[116:], 40),
        (MXNET_REC[:84] + MXNET_REC[84:140] + MXNET_REC[148:], 132),
        (MXNET_REC + MAGIC_BYTES + struct.pack("<I", 5 << 29), 228),
    ],
    ids=["png", "short", "gap first", "gap", "tail", "no first part", "no last part", "flag 5"],
)
def test_what_is_no_chain_of_records_is_refused(tmp_path: Path, content: bytes, byte: int) -> None:
    path = tmp_path / "train.rec"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"train\.rec: what begins at byte {byte} of"):
        scan.scan_index(path)
