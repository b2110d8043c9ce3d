"""Labels of many records at once, and the float32 trap."""

import struct
from pathlib import Path

import pytest

from data.errors import SourceError
from data.recordio import labels as module
from data.recordio.format import MAGIC, MAGIC_BYTES
from data.recordio.header import pack_header
from data.recordio.index import write_index
from data.recordio.labels import read_labels
from data.recordio.reader import RecordFile
from data.recordio.writer import RecordWriter


def _file(tmp_path: Path, records: dict[int, bytes]) -> RecordFile:
    path = tmp_path / "train.rec"
    with path.open("wb") as stream:
        writer = RecordWriter(stream)
        for key, payload in records.items():
            writer.write(key, payload)
    write_index(writer.index(path), path.with_suffix(".idx"))
    return RecordFile.open(path)


def _labelled(label: float, content: bytes = b"jpg") -> bytes:
    return struct.pack("<IfQQ", 0, label, 0, 0) + content


def test_metadata_is_told_from_pictures(mxnet_set: Path) -> None:
    found = read_labels(RecordFile.open(mxnet_set))
    assert found.keys.tolist() == [1, 2, 3]
    assert found.labels.tolist() == [7, 3, 1]
    assert found.num_metadata == 2


def test_im2rec_files_have_no_header_record(tmp_path: Path) -> None:
    found = read_labels(_file(tmp_path, {0: _labelled(4), 1: _labelled(4), 2: _labelled(-1)}))
    assert found.keys.tolist() == [0, 1, 2]
    assert found.labels.tolist() == [4, 4, -1]
    assert found.num_metadata == 0


def test_an_empty_picture_is_a_picture_for_align_to_reject(tmp_path: Path) -> None:
    assert read_labels(_file(tmp_path, {5: _labelled(4, b"")})).keys.tolist() == [5]


def test_labels_in_blocks_and_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_RECORDS", 3)
    contents = [b"jpg", MAGIC_BYTES * 3, b"x" + MAGIC_BYTES]
    records = {key: pack_header(MAGIC, key * 2) + contents[key % 3] for key in range(1, 12)}
    records[12] = pack_header(MAGIC, (24, 7)) + MAGIC_BYTES
    found = read_labels(_file(tmp_path, records))
    assert found.labels.tolist() == [key * 2 for key in range(1, 13)]


@pytest.mark.parametrize("label", [16_777_216.0, 17_091_658.0, -16_777_216.0])
def test_labels_that_float32_loses_are_refused(tmp_path: Path, label: float) -> None:
    file = _file(tmp_path, {1: _labelled(16_777_215.0), 9: _labelled(label)})
    with pytest.raises(SourceError, match=r"train\.rec, record 9: label -?1.*float32 holds only"):
        read_labels(file)
    vector = _file(tmp_path, {9: struct.pack("<IfQQff", 2, 0, 0, 0, label, 0) + b"jpg"})
    with pytest.raises(SourceError, match=r"train\.rec, record 9: label"):
        read_labels(vector)


def test_ranges_that_float32_rounded_are_not_believed(tmp_path: Path) -> None:
    """Glint360K's header says 17,091,658; whatever it says, it is no picture."""
    header = struct.pack("<IfQQff", 2, 0, 0, 0, 17_091_658.0, 17_452_058.0)
    found = read_labels(_file(tmp_path, {1: _labelled(0), 0: header}))
    assert (found.keys.tolist(), found.num_metadata) == ([1], 1)


@pytest.mark.parametrize("label", [0.5, float("nan"), float("inf")])
def test_labels_that_are_no_class_are_refused(tmp_path: Path, label: float) -> None:
    with pytest.raises(SourceError, match=r"train\.rec, record 2: .* no whole number"):
        read_labels(_file(tmp_path, {1: _labelled(1), 2: _labelled(label)}))


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    records = {key: _labelled(1) for key in range(200)}
    file = _file(tmp_path, records)
    content = bytearray(file.path.read_bytes())
    offset = int(file.index.offsets[101])
    content[offset : offset + 4] = b"\0\0\0\0"
    file.path.write_bytes(content)
    with pytest.raises(SourceError, match=r"train\.rec, record 101: no record begins"):
        read_labels(RecordFile.open(file.path))
