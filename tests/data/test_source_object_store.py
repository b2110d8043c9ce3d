"""Object stores: listed, capped, fetched in parallel, resumed, verified, then read as a folder.

The stores are fsspec's own, in memory and on disk; S3 is in tests/e2e/test_s3.py.
"""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError

from data.errors import SourceError
from data.sources.base import SourceData
from data.sources.folder import FolderConfig, FolderSource
from data.sources.object_store import ObjectStoreConfig, ObjectStoreSource
from data.sources.objects import fetch_objects, list_objects

PHOTOS = {"ann/1.jpg": b"a" * 1000, "ann/2.jpg": b"b" * 10, "bob/1.jpg": b"", "bob/2.png": b"c"}


class Counting:
    """A file system that remembers what was opened, and may lie about what it holds."""

    def __init__(self, files: Any) -> None:
        self.files = files
        self.opened: list[str] = []
        self.etags: dict[str, str] = {}
        self.sizes: dict[str, int] = {}

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.files.find(path, detail=detail)
        for name, entry in found.items():
            key = name.rpartition("/set/")[2]
            etag = {"ETag": self.etags[key]} if key in self.etags else {}
            size = {"size": self.sizes[key]} if key in self.sizes else {}
            found[name] = {**entry, **etag, **size}
        return found

    def open(self, path: str, mode: str, *, block_size: int) -> Any:
        self.opened.append(path.rpartition("/set/")[2])
        return self.files.open(path, mode, block_size=block_size)


@pytest.fixture
def url() -> str:
    url = f"memory://{uuid.uuid4().hex}/set"
    for name, content in PHOTOS.items():
        fsspec.filesystem("memory").pipe_file(f"{url}/{name}", content)
    return url


@pytest.fixture
def store() -> Counting:
    return Counting(fsspec.filesystem("memory"))


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _prefix(url: str) -> str:
    return "/" + url.removeprefix("memory://")


def _fetch(store: Counting, url: str, cache: Path) -> dict[str, bytes]:
    folder = fetch_objects(store, list_objects(store, _prefix(url)), cache, _silent)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _source(url: str, cache: Path, **limits: int) -> ObjectStoreSource:
    config = ObjectStoreConfig(
        url=url, max_bytes=limits.get("max_bytes", 5000), max_objects=limits.get("max_objects", 9)
    )

    def inner(folder: Path) -> FolderSource:
        return FolderSource(FolderConfig(folder="."), folder)

    return ObjectStoreSource(config, cache, inner, _silent)


def _materialise(url: str, tmp_path: Path, **limits: int) -> SourceData:
    source = _source(url, tmp_path / "cache", **limits)
    return source.materialise(tmp_path / "photos", 2, _silent)


def test_objects_are_fetched_and_read_as_the_inner_source(url: str, tmp_path: Path) -> None:
    table = _materialise(url, tmp_path).table
    assert table["image_id"].tolist() == ["ann/1", "ann/2", "bob/1", "bob/2"]
    for name, content in PHOTOS.items():
        assert (tmp_path / "photos" / name).read_bytes() == content


def test_mounted_folder_is_a_store_too(tmp_path: Path) -> None:
    for name, content in PHOTOS.items():
        (tmp_path / "mounted" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mounted" / name).write_bytes(content)
    assert len(_materialise(f"file://{tmp_path}/mounted", tmp_path).table) == 4
    (tmp_path / "mounted/ann/3.jpg").symlink_to("/etc/hostname")
    with pytest.raises(SourceError, match=r"ann/3\.jpg: is a link"):
        _materialise(f"file://{tmp_path}/mounted", tmp_path)


@pytest.mark.parametrize("limit", [{"max_bytes": 1010}, {"max_objects": 3}])
def test_more_than_allowed_is_refused_before_a_byte_is_fetched(
    url: str, tmp_path: Path, limit: dict[str, int]
) -> None:
    with pytest.raises(SourceError, match="4 objects of 1,011 bytes in all are more"):
        _materialise(url, tmp_path, **limit)
    assert not (tmp_path / "cache").exists()


def test_second_run_fetches_only_what_changed(store: Counting, url: str, tmp_path: Path) -> None:
    assert _fetch(store, url, tmp_path) == PHOTOS
    assert sorted(store.opened) == sorted(PHOTOS)
    store.opened.clear()
    assert _fetch(store, url, tmp_path) == PHOTOS
    assert store.opened == []
    store.files.pipe_file(f"{url}/ann/2.jpg", b"d" * 10)
    store.files.rm(f"{url}/bob/1.jpg")
    store.files.rm(f"{url}/bob/2.png")
    changed = {"ann/1.jpg": PHOTOS["ann/1.jpg"], "ann/2.jpg": b"d" * 10}
    assert _fetch(store, url, tmp_path) == changed
    assert store.opened == ["ann/2.jpg"]
    store.files.pipe_file(f"{url}/bob", b"a file where a folder was")
    assert _fetch(store, url, tmp_path)["bob"] == b"a file where a folder was"


def test_damaged_file_and_log_are_mended(store: Counting, url: str, tmp_path: Path) -> None:
    _fetch(store, url, tmp_path)
    store.opened.clear()
    (tmp_path / "files/ann/1.jpg").write_bytes(b"short")
    with (tmp_path / "done.jsonl").open("a") as log:
        log.write('["ann/2.jpg", 1')
    assert _fetch(store, url, tmp_path) == PHOTOS
    assert store.opened == ["ann/1.jpg"]


def test_interrupted_object_is_continued_where_it_stopped(
    store: Counting, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[tuple[int, int]] = []

    class Failing:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __enter__(self) -> "Failing":
            return self

        def __exit__(self, *error: object) -> None:
            self.stream.close()

        def seek(self, position: int) -> None:
            self.stream.seek(position)

        def read(self, size: int) -> bytes:
            reads.append((self.stream.tell(), size))
            if len(reads) == 3:
                raise ConnectionResetError("the store went away")
            content: bytes = self.stream.read(min(size, 300))
            return content

    only = f"{url}/ann/1.jpg"
    monkeypatch.setattr(
        store, "open", lambda path, mode, **_: Failing(store.files.open(path, mode))
    )
    objects = [entry for entry in list_objects(store, _prefix(url)) if entry.path in only]
    with pytest.raises(SourceError, match=r"ann/1\.jpg: .*the store went away"):
        fetch_objects(store, objects, tmp_path, _silent)
    assert not (tmp_path / "files/ann/1.jpg").exists()
    fetch_objects(store, objects, tmp_path, _silent)
    assert [position for position, _ in reads] == [0, 300, 600, 600, 900, 1000]
    assert (tmp_path / "files/ann/1.jpg").read_bytes() == PHOTOS["ann/1.jpg"]


def test_checksum_of_an_etag_is_verified(store: Counting, url: str, tmp_path: Path) -> None:
    store.etags = {
        name: f'"{hashlib.md5(content).hexdigest()}"' for name, content in PHOTOS.items()
    }
    assert _fetch(store, url, tmp_path / "good") == PHOTOS
    store.etags["ann/2.jpg"] = '"' + "0" * 32 + '"'
    with pytest.raises(SourceError, match=r"ann/2\.jpg: 10 bytes with MD5 .* 10 with ETag 000"):
        _fetch(store, url, tmp_path / "bad")
    assert not (tmp_path / "bad/files/ann/2.jpg").exists()
    store.etags["ann/2.jpg"] = '"' + "0" * 32 + '-7"'  # of an upload in parts: no checksum
    assert _fetch(store, url, tmp_path / "parts") == PHOTOS


@pytest.mark.parametrize("size", [3, 11])
def test_other_size_than_listed_is_refused(
    store: Counting, url: str, tmp_path: Path, size: int
) -> None:
    store.sizes = {"ann/2.jpg": size}
    with pytest.raises(SourceError, match=rf"ann/2\.jpg: \d+ bytes came, {size} were listed"):
        _fetch(store, url, tmp_path)


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "a/../../evil.jpg", "a//b.jpg", "a\\b.jpg", "a\0b"]
)
def test_object_whose_name_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    class Hostile(Counting):
        def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
            assert detail
            return {f"{path}/{name}": {"type": "file", "size": 1}}

    with pytest.raises(SourceError, match="is no plain relative path below bucket/set"):
        list_objects(Hostile(None), "bucket/set")
    assert list(tmp_path.iterdir()) == []


def test_object_below_another_is_named() -> None:
    class Hostile(Counting):
        def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
            assert detail
            names = ("ann/1.jpg", "ann/1.jpg/deep/inside.jpg")
            return {f"{path}/{name}": {"type": "file", "size": 1} for name in names}

    with pytest.raises(SourceError, match=r"deep/inside\.jpg: lies below another object"):
        list_objects(Hostile(None), "bucket/set")


@pytest.mark.parametrize("path", ["bucket/set", "bucket/set2/a.jpg", "other/bucket/set/a.jpg"])
def test_object_beside_the_prefix_is_refused(path: str) -> None:
    class Hostile(Counting):
        def find(self, _: str, *, detail: bool) -> dict[str, dict[str, Any]]:
            assert detail
            return {path: {"type": "file", "size": 1}}

    with pytest.raises(SourceError, match=f"{path}: is no plain relative path below bucket/set"):
        list_objects(Hostile(None), "bucket/set")


def test_empty_prefix_and_missing_store_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing_here: there are no objects"):
        _materialise("memory://nothing_here", tmp_path)
    with pytest.raises(SourceError, match="absent: "):
        _materialise(f"file://{tmp_path}/absent", tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/prefix",
        "s3://bucket/prefix?versionId=1",
        "simplecache::s3://bucket/prefix",
        "http://somewhere/prefix",
        "s3://",
        "bucket/prefix",
    ],
)
def test_url_carries_no_secret_and_no_other_protocol(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        ObjectStoreConfig(url=url, max_bytes=1, max_objects=1)
