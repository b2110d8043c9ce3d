import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.files import (
    read_json,
    sha256_bytes,
    sha256_file,
    sha256_tree,
    whole_file,
    whole_folder,
    write_json,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)  # fmt: skip


class KilledError(Exception):
    """Stands for whatever stops a writer half-way."""


def _write_half_a_file(path: Path) -> None:
    with whole_file(path) as partial:
        partial.write_text("new")
        raise KilledError


def _write_half_a_folder(folder: Path) -> None:
    with whole_folder(folder) as partial:
        (partial / "a.txt").write_text("new")
        raise KilledError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_digests_agree_with_hashlib(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc" * 1000)
    expected = hashlib.sha256(b"abc" * 1000).hexdigest()
    assert sha256_file(path) == sha256_bytes(b"abc" * 1000) == expected


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    with whole_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert names(path.parent) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KilledError):
        _write_half_a_file(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    for content in ("old", "new"):
        with whole_folder(folder) as partial:
            (partial / f"{content}.txt").write_text(content)
    assert names(folder) == ["new.txt"]
    assert names(tmp_path) == ["crops"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "crops"
    with whole_folder(folder) as partial:
        (partial / "a.txt").write_text("old")
    with pytest.raises(KilledError):
        _write_half_a_folder(folder)
    assert (folder / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["crops"]


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".crops.0badcafe.partial"
    left.mkdir()
    (left / "half.bin").write_bytes(b"\0")
    other = tmp_path / ".other.0badcafe.partial"
    other.mkdir()
    with whole_folder(tmp_path / "crops") as partial:
        (partial / "a.txt").write_text("a")
    assert names(tmp_path) == [".other.0badcafe.partial", "crops"]


def test_tree_digest_sees_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for index, files in enumerate(
        [{"a": "1", "b/c": "2"}, {"a": "1", "b/c": "3"}, {"a": "1", "b/d": "2"}, {"a": "1"}, {}]
    ):
        for name, content in files.items():
            path = tmp_path / str(index) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        (tmp_path / str(index)).mkdir(exist_ok=True)
        digests.add(sha256_tree(tmp_path / str(index)))
    assert len(digests) == 5


def test_tree_digest_ignores_where_the_folder_lies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "b").mkdir(parents=True)
        (tmp_path / name / "b" / "x").write_text("x")
        (tmp_path / name / "a").write_text("a")
    assert sha256_tree(tmp_path / "one") == sha256_tree(tmp_path / "two")


@pytest.fixture(scope="module")
def json_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "a.json"


@given(json_values)
def test_json_comes_back(json_path: Path, value: object) -> None:
    write_json(json_path, value)
    assert read_json(json_path) == value


def test_equal_json_is_an_equal_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1, "y": [1.5, None]})
    write_json(tmp_path / "b.json", {"y": [1.5, None], "x": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": {1, 2}}])
def test_what_is_no_json_writes_nothing(tmp_path: Path, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "a.json", value)
    assert names(tmp_path) == []


def test_broken_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1')
    with pytest.raises(json.JSONDecodeError):
        read_json(tmp_path / "a.json")
