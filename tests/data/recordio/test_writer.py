"""What is written reads back, and has the layout that InsightFace's loader expects."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ManifestError
from data.recordio import writer as module
from data.recordio.format import MAGIC_BYTES
from data.recordio.labels import read_labels
from data.recordio.reader import RecordFile
from data.recordio.writer import LabelledPicture, write_record_set
from tests.data.recordio.conftest import MXNET_IDX, MXNET_REC

contents = st.lists(
    st.one_of(st.binary(max_size=7), st.just(MAGIC_BYTES)), min_size=1, max_size=6
).map(b"".join)


def test_bytes_are_those_of_mxnet(tmp_path: Path) -> None:
    """The same records in the same order give the same file."""
    file = RecordFile.open(_mxnet(tmp_path))
    path = tmp_path / "again.rec"
    with path.open("wb") as stream:
        writer = module.RecordWriter(stream)
        for key in (1, 2, 3, 4, 0):
            writer.write(key, bytes(file.read(key)))
    assert path.read_bytes() == MXNET_REC
    assert writer.index(path).offsets.tolist() == [188, 0, 40, 84, 148]


def _mxnet(tmp_path: Path) -> Path:
    path = tmp_path / "train.rec"
    path.write_bytes(MXNET_REC)
    path.with_suffix(".idx").write_bytes(MXNET_IDX)
    return path


def test_layout_byte_by_byte(tmp_path: Path) -> None:
    pictures = [LabelledPicture(0, b"aaaa"), LabelledPicture(0, b"b"), LabelledPicture(1, b"c")]
    assert write_record_set(tmp_path / "set", pictures) == 2

    def record(flag: int, label: float, key: int, rest: bytes) -> bytes:
        payload = struct.pack("<IfQQ", flag, label, key, 0) + rest
        padding = bytes(-len(payload) % 4)
        return bytes.fromhex("0a23d7ce") + struct.pack("<I", len(payload)) + payload + padding

    expected = [
        record(0, 0, 1, b"aaaa"),
        record(0, 0, 2, b"b"),
        record(0, 1, 3, b"c"),
        record(2, 0, 4, struct.pack("<ff", 1, 3)),  # person 0: keys 1 and 2
        record(2, 0, 5, struct.pack("<ff", 3, 4)),
        record(2, 0, 0, struct.pack("<ff", 4, 6)),  # identity records: keys 4 and 5
    ]
    assert (tmp_path / "set/train.rec").read_bytes() == b"".join(expected)
    lines = ["0\t188", "1\t0", "2\t36", "3\t72", "4\t108", "5\t148"]
    assert (tmp_path / "set/train.idx").read_text().splitlines() == lines
    assert (tmp_path / "set/property").read_text() == "2,112,112\n"


@given(st.lists(st.lists(contents, min_size=1, max_size=3), max_size=4))
def test_any_set_comes_back(
    tmp_path_factory: pytest.TempPathFactory, people: list[list[bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("sets") / "set"
    pictures = [LabelledPicture(n, content) for n, own in enumerate(people) for content in own]
    assert write_record_set(folder, pictures) == len(people)
    file = RecordFile.open(folder / "train.rec")
    found = read_labels(file)
    assert found.keys.tolist() == list(range(1, len(pictures) + 1))
    assert found.labels.tolist() == [picture.label for picture in pictures]
    read = [bytes(picture) for picture in file.read_batch(found.keys)]
    assert read == [picture.content for picture in pictures]


def test_insightfaces_loader_finds_every_picture(tmp_path: Path) -> None:
    """Its rule: key 0 has a flag, and its first label is the end of the keys of pictures."""
    write_record_set(tmp_path / "set", [LabelledPicture(n // 3, b"x") for n in range(9)])
    file = RecordFile.open(tmp_path / "set/train.rec")
    header, _ = file.read_record(0)
    assert header.is_vector
    assert list(range(1, int(header.labels[0]))) == list(range(1, 10))
    first, end = (int(label) for label in header.labels)
    ranges = [file.read_record(key)[0].labels for key in range(first, end)]
    assert ranges == [(1.0, 4.0), (4.0, 7.0), (7.0, 10.0)]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1], "picture 1 has label 1 where -1 or 0 must stand"),
        ([0, 2], "picture 2 has label 2 where 0 or 1 must stand"),
        ([0, 1, 0], "picture 3 has label 0 where 1 or 2 must stand"),
        ([0, -1], "picture 2 has label -1"),
    ],
)
def test_labels_out_of_order_leave_nothing(tmp_path: Path, labels: list[int], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        write_record_set(tmp_path / "set", [LabelledPicture(label, b"x") for label in labels])
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_float32_cannot_count_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXACT_LABELS", 12)
    write_record_set(tmp_path / "fits", [LabelledPicture(n // 2, b"x") for n in range(6)])
    with pytest.raises(ManifestError, match="write it as several files"):
        write_record_set(tmp_path / "set", [LabelledPicture(n // 2, b"x") for n in range(8)])
    assert [entry.name for entry in tmp_path.iterdir()] == ["fits"]


def test_what_stood_there_survives_a_failure(tmp_path: Path) -> None:
    write_record_set(tmp_path / "set", [LabelledPicture(0, b"old")])
    with pytest.raises(ManifestError):
        write_record_set(tmp_path / "set", [LabelledPicture(3, b"new")])
    assert bytes(RecordFile.open(tmp_path / "set/train.rec").read_image(1)) == b"old"
