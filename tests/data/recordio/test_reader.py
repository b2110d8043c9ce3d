"""Reading what mxnet wrote, from threads and after a fork, and refusing what does not fit."""

import multiprocessing
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SourceError
from data.recordio.reader import RecordFile
from tests.data.recordio.conftest import MXNET_IDX, MXNET_REC, PICTURES


def test_every_record_of_mxnet(mxnet_set: Path) -> None:
    file = RecordFile.open(mxnet_set)
    assert (len(file), file.keys.tolist()) == (5, [0, 1, 2, 3, 4])
    assert {key: bytes(file.read_image(key)) for key in PICTURES} == PICTURES
    assert file.read_record(1)[0].labels == (7.0,)
    assert file.read_record(2)[0].labels == (3.0, 9.0)
    assert file.read_record(4)[0].labels == (1.0, 4.0)


@pytest.mark.parametrize("keys", [[], [1], [4, 2, 2, 1], [3], [0, 1, 2, 3, 4]])
def test_batches_are_the_records_one_by_one(mxnet_set: Path, keys: list[int]) -> None:
    file = RecordFile.open(mxnet_set)
    assert [bytes(picture) for picture in file.read_batch(keys)] == [PICTURES[k] for k in keys]


def test_batches_are_views(mxnet_set: Path) -> None:
    file = RecordFile.open(mxnet_set)
    (view,) = file.read_batch([1])
    assert view.readonly
    assert view.obj is file.read_batch([2])[0].obj


@pytest.mark.parametrize("key", [5, -1, 2**40])
def test_a_record_that_is_not_there_is_named(mxnet_set: Path, key: int) -> None:
    file = RecordFile.open(mxnet_set)
    for read in (file.read, lambda k: file.read_batch([1, k])):
        with pytest.raises(SourceError, match=rf"train\.rec: it has no record {key}"):
            read(key)


@pytest.mark.parametrize("keys", [[], [0], [4, 1, 1], [0, 1, 2, 3, 4]])
def test_pages_asked_for_ahead_change_nothing(mxnet_set: Path, keys: list[int]) -> None:
    file = RecordFile.open(mxnet_set)
    file.fetch_ahead(np.array(keys, np.int64))
    assert [bytes(picture) for picture in file.read_batch(keys)] == [PICTURES[k] for k in keys]
    with pytest.raises(SourceError, match=r"train\.rec: it has no record 5"):
        file.fetch_ahead(np.array([*keys, 5]))


def test_threads_share_a_file(mxnet_set: Path) -> None:
    file = RecordFile.open(mxnet_set)
    keys = [1, 2, 3, 4, 0] * 200
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: bytes(file.read_image(key)), keys))
    assert found == [PICTURES[key] for key in keys]


def _read_in_child(file: RecordFile, answers: "multiprocessing.Queue[dict[int, bytes]]") -> None:
    answers.put({key: bytes(file.read_image(key)) for key in PICTURES})


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_share_a_file(mxnet_set: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[dict[int, bytes]] = context.Queue()
    file = RecordFile.open(mxnet_set)
    children = [context.Process(target=_read_in_child, args=(file, answers)) for _ in range(3)]
    for child in children:
        child.start()
    assert {key: bytes(file.read_image(key)) for key in PICTURES} == PICTURES
    assert [answers.get(timeout=60) for _ in children] == [PICTURES] * 3
    for child in children:
        child.join()


def _write(path: Path, rec: bytes = MXNET_REC, idx: bytes = MXNET_IDX) -> Path:
    path.write_bytes(rec)
    path.with_suffix(".idx").write_bytes(idx)
    return path


@pytest.mark.parametrize("kept", [len(MXNET_REC) - 1, len(MXNET_REC) - 33, 100, 60, 3])
def test_a_cut_file_is_refused_on_opening(mxnet_set: Path, kept: int) -> None:
    _write(mxnet_set, rec=MXNET_REC[:kept])
    with pytest.raises(
        SourceError, match=r"train\.rec(, record 0: the file ends|: the file has \d+ bytes)"
    ):
        RecordFile.open(mxnet_set)


@pytest.mark.parametrize(
    ("idx", "message"),
    [
        (b"1\t2\n", r"train\.rec: offset 2 is no multiple of 4 in its index train\.idx"),
        (b"1\t0\n2\t4000\n", r"train\.rec: the file has 228 bytes and offset 4,000 stands"),
        (b"1\t0\n2\t40\n3\t0\n4\t84\n", r"train\.rec: offset 0 stands twice"),
        (b"1\t0\n2\t44\n", r"train\.rec, record 2: no record begins at byte 44"),
        (b"1\t0\n2\t116\n", r"train\.rec, record 2: it begins in the middle"),
        (b"", r"train\.idx: it names no record"),
    ],
)
def test_an_index_of_another_file_is_refused(mxnet_set: Path, idx: bytes, message: str) -> None:
    _write(mxnet_set, idx=idx)
    with pytest.raises(SourceError, match=message):
        RecordFile.open(mxnet_set)


def test_a_missing_or_empty_file_is_named(mxnet_set: Path) -> None:
    mxnet_set.write_bytes(b"")
    with pytest.raises(SourceError, match=r"train\.rec: cannot be mapped"):
        RecordFile.open(mxnet_set)
    with pytest.raises(SourceError, match=r"none\.rec: cannot be mapped"):
        RecordFile.open(mxnet_set.with_name("none.rec"))


def test_a_record_without_a_header_is_named_when_read_as_a_picture(mxnet_set: Path) -> None:
    record = b"\n#\xd7\xce" + struct.pack("<I", 4) + b"abcd"
    file = RecordFile.open(_write(mxnet_set, record, b"8\t0\n"))
    assert bytes(file.read(8)) == b"abcd"
    for read in (file.read_image, lambda key: file.read_batch([key])):
        with pytest.raises(SourceError, match=r"train\.rec, record 8: 4 bytes are too few"):
            read(8)


@given(st.binary(max_size=64), st.integers(0, len(MXNET_REC)))
def test_spoilt_bytes_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, spoilt: bytes, at: int
) -> None:
    rec = (MXNET_REC[:at] + spoilt + MXNET_REC[at + len(spoilt) :])[: len(MXNET_REC)]
    path = _write(tmp_path_factory.mktemp("spoilt") / "train.rec", rec)
    try:
        file = RecordFile.open(path)
        batch = [bytes(picture) for picture in file.read_batch(file.keys)]
        assert batch == [bytes(file.read_image(key)) for key in file.keys.tolist()]
    except SourceError as error:
        assert "train.rec, record" in str(error)  # noqa: PT017 - either outcome is right
