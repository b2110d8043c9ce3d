"""Index files: any order, any line end, and every broken line by its number."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import SourceError
from data.recordio import index as module
from data.recordio.index import RecordIndex, read_index, write_index

rows = st.dictionaries(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1), min_size=1)


def _read(tmp_path: Path, content: bytes) -> RecordIndex:
    path = tmp_path / "train.idx"
    path.write_bytes(content)
    return read_index(path)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_lines_in_any_order(tmp_path: Path, end: bytes, is_ended: bool) -> None:
    content = end.join([b"7\t0", b"3\t400", b"0\t44"]) + (end if is_ended else b"")
    index = _read(tmp_path, content)
    assert index.keys.tolist() == [0, 3, 7]
    assert index.offsets.tolist() == [44, 400, 0]
    assert not index.keys.flags.writeable


def test_key_0_last_as_insightface_writes_it(tmp_path: Path) -> None:
    index = _read(tmp_path, b"1\t0\n2\t40\n3\t80\n0\t120\n")
    assert index.keys.tolist() == [0, 1, 2, 3]
    assert index.offsets.tolist() == [120, 0, 40, 80]


@given(table=rows, seed=st.randoms(use_true_random=False), block=st.integers(40, 200))
def test_any_index_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    table: dict[int, int],
    seed: random.Random,
    block: int,
) -> None:
    lines = [f"{key}\t{offset}\n" for key, offset in table.items()]
    seed.shuffle(lines)
    path = tmp_path_factory.mktemp("idx") / "train.idx"
    path.write_text("".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", block)
        index = read_index(path)
        write_index(index, path)
    again = read_index(path)
    for found in (index, again):
        assert dict(zip(found.keys.tolist(), found.offsets.tolist(), strict=True)) == table
        assert (np.diff(found.keys) > 0).all()


@pytest.mark.parametrize(
    "line",
    [
        b"2",
        b"2 40",
        b"2\t",
        b"\t40",
        b"2\t40\t1",
        b"-2\t40",
        b"2\t4x",
        b"",
        b"2\t1.5",
        b"\xff\t\x00",
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(SourceError, match=r"train\.idx, line 2: it is not `key TAB byte offset`"):
        _read(tmp_path, b"1\t0\n" + line + b"\n3\t80\n")


def test_two_broken_lines_that_make_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 1"):
        _read(tmp_path, b"\t\n1\t0\n")


def test_a_number_that_int64_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 1"):
        _read(tmp_path, b"99999999999999999999\t0\n")


def test_a_broken_line_in_a_later_block_is_counted_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    lines = [f"{key}\t{key * 4}" for key in range(100)]
    lines[70] = "70 280"
    with pytest.raises(SourceError, match="line 71:"):
        _read(tmp_path, "\n".join(lines).encode())


@pytest.mark.parametrize("content", [b"\0" * 1000, b"1" * 1000, b"1" * 100 + b"\t" + b"1" * 100])
def test_what_has_no_lines_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    with pytest.raises(SourceError, match="line 1: it is not"):
        _read(tmp_path, content)


def test_a_key_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="key 5 stands there twice"):
        _read(tmp_path, b"5\t0\n1\t40\n5\t80\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"train\.idx: cannot be read"):
        read_index(tmp_path / "train.idx")
    (tmp_path / "train.idx").mkdir()
    with pytest.raises(SourceError, match=r"train\.idx: cannot be read"):
        read_index(tmp_path / "train.idx")


@given(
    keys=st.sets(st.integers(0, 60), min_size=1),
    wanted=st.lists(st.integers(-2, 62), min_size=1, max_size=9),
)
def test_positions_are_those_of_a_dictionary(keys: set[int], wanted: list[int]) -> None:
    ordered = np.array(sorted(keys), np.int64)
    index = RecordIndex(ordered, ordered * 4)
    strangers = [key for key in wanted if key not in keys]
    if strangers:
        with pytest.raises(KeyError, match=str(strangers[0])):
            index.positions(np.array(wanted, np.int64))
        with pytest.raises(KeyError, match=str(strangers[0])):
            index.position(strangers[0])
    else:
        assert [ordered[index.position(key)] for key in wanted] == wanted
        assert ordered[index.positions(np.array(wanted, np.int64))].tolist() == wanted
