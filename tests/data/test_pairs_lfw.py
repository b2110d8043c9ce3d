import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SourceError
from data.lfw_pairs import read_lfw_pairs

GOOD = "2\t1\nAnn\t1\t2\nAnn\t1\tBob\t12\nBob\t3\t12\nCid_Ray\t1\tBob\t3\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_small_file(tmp_path: Path) -> None:
    pairs = read_lfw_pairs(write(tmp_path, GOOD))
    assert pairs.left_ids.tolist() == ["Ann_0001", "Ann_0001", "Bob_0003", "Cid_Ray_0001"]
    assert pairs.right_ids.tolist() == ["Ann_0002", "Bob_0012", "Bob_0012", "Bob_0003"]
    assert pairs.is_genuine.tolist() == [True, False, True, False]
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    assert pairs.unit == "image"
    assert len(pairs) == 4


def test_maps_to_rows(tmp_path: Path) -> None:
    images = ["Bob_0012", "Cid_Ray_0001", "Ann_0002", "Ann_0001", "Bob_0003", "Other_0001"]
    pairs = read_lfw_pairs(write(tmp_path, GOOD)).on(images)
    assert pairs.left.tolist() == [3, 3, 4, 1]
    assert pairs.right.tolist() == [2, 0, 0, 4]
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="'Bob_0003'"):
        read_lfw_pairs(write(tmp_path, GOOD)).on(["Ann_0001", "Ann_0002", "Bob_0012"])


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("2\t1\n", "ten folds\n", r":1: expected the number of folds"),
        ("2\t1\n", "2\t0\n", r":1: expected the number of folds"),
        ("2\t1\n", "2\t2\n", r":5: the file ends after 4 pairs, its first line promises 8"),
        ("2\t1\n", "1\t1\n", r":5: the file ends after 4 pairs, its first line promises 2"),
        ("Ann\t1\t2\n", "Ann 1 2\n", r":2: 'Ann 1 2' is not 'Person, i, j'"),
        ("Ann\t1\tBob\t12\n", "Ann\t1\t2\n", r":3: .* is not 'Person, i, Other, j'"),
        ("Bob\t3\t12\n", "Bob\t3\ttwelve\n", r":4: 'twelve' is no photo number"),
        ("Bob\t3\t12\n", "Bob\t0\t12\n", r":4: '0' is no photo number"),
        ("Bob\t3\t12\n", "Bob\t3\t3\n", r":4: compares a photo with itself"),
        ("Cid_Ray\t1\tBob\t3\n", "Bob\t1\tBob\t3\n", r":5: two photos of 'Bob'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_lfw_pairs(write(tmp_path, GOOD.replace(before, after)))


def test_missing_empty_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_lfw_pairs(tmp_path / "absent.txt")
    with pytest.raises(SourceError, match=":1:"):
        read_lfw_pairs(write(tmp_path, ""))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="cannot be read"):
        read_lfw_pairs(tmp_path / "binary")


@settings(deadline=None)
@given(st.text(alphabet="12AB\t\n ", max_size=60))
def test_nonsense_gives_a_typed_error_or_whole_pairs(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = write(tmp_path_factory.mktemp("nonsense"), text)
    try:
        pairs = read_lfw_pairs(path)
    except SourceError:
        return
    assert len(pairs.left_ids) == len(pairs.right_ids) == len(pairs) > 0


@pytest.mark.real_faces
def test_the_official_file() -> None:
    path = Path(os.environ.get("EXAMGATE_DATA_DIR", "../shared/data")) / "lfw" / "pairs.txt"
    if not path.exists():
        pytest.skip(f"{path} is absent; set EXAMGATE_DATA_DIR")
    pairs = read_lfw_pairs(path)
    assert len(pairs) == 6000
    assert pairs.fold is not None
    assert np.bincount(pairs.fold).tolist() == [600] * 10
    assert int(pairs.is_genuine.sum()) == 3000
    assert len(pairs.ids) == 7701
