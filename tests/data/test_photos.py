"""Photos by path and by record, and no way out of the folder."""

from pathlib import Path

import pytest

from data.errors import SourceError
from data.photos import read_photo, record_path
from data.recordio.writer import LabelledPicture, write_record_set


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    write_record_set(folder, [LabelledPicture(0, b"one"), LabelledPicture(0, b"two")])
    (folder / "person#1").mkdir()
    (folder / "person#1/a.jpg").write_bytes(b"plain")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return folder


def test_files_and_records(root: Path) -> None:
    assert read_photo(root, "person#1/a.jpg") == b"plain"
    assert read_photo(root, record_path("train.rec", 1)) == b"one"
    assert read_photo(root, "train.rec#2") == b"two"


@pytest.mark.parametrize("path", ["none.jpg", "person#1", "train.rec#x", "train.rec#", "#1"])
def test_a_missing_photo_is_named(root: Path, path: str) -> None:
    with pytest.raises(SourceError, match=rf"photos/{path}: there is no such photo"):
        read_photo(root, path)


def test_a_missing_record_or_file_is_named(root: Path) -> None:
    with pytest.raises(SourceError, match=r"photos/train\.rec: it has no record 77"):
        read_photo(root, "train.rec#77")
    with pytest.raises(SourceError, match=r"photos/other\.rec: cannot be read"):
        read_photo(root, "other.rec#1")


@pytest.mark.parametrize(
    "path",
    ["", "../secret.jpg", "/etc/hostname", "a/../../secret.jpg", "a\0.jpg", "..\\secret.jpg",
     "../photos/train.rec#1", "/train.rec#1", "x/../train.rec#1"],
)  # fmt: skip
def test_paths_that_leave_the_folder_are_refused(root: Path, path: str) -> None:
    with pytest.raises(SourceError, match="is no path below the photos folder"):
        read_photo(root, path)


def test_a_file_that_was_replaced_is_read_anew(root: Path) -> None:
    assert read_photo(root, "train.rec#1") == b"one"
    write_record_set(root, [LabelledPicture(0, b"new")])
    assert read_photo(root, "train.rec#1") == b"new"


def test_a_folder_of_links_is_read(root: Path, tmp_path: Path) -> None:
    """DVC may keep the files in its cache and links to them here."""
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("train.rec", "train.idx"):
        (linked / name).symlink_to(root / name)
    assert read_photo(linked, "train.rec#2") == b"two"
