"""Bring the objects below a URL into a folder: listed, capped, in parallel, resumed, verified."""

import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, TypeVar

from data.errors import SourceError
from data.files import sha256_bytes
from data.sources.base import Progress

_THREADS: Final = 16  # a download waits for the network, not for a core
_CHUNK_BYTES: Final = 8 << 20
_MD5: Final = re.compile(r'"?(?P<md5>[0-9a-f]{32})"?')
_T = TypeVar("_T")
_VERSION_FIELDS: Final = ("ETag", "LastModified", "mtime", "created")


class FileSystem(Protocol):
    """The part of an fsspec file system that is used here."""

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        """List the files below a path."""
        ...

    def open(self, path: str, mode: str, *, block_size: int) -> Any:  # noqa: ANN401 - fsspec has no types
        """Open a file for reading."""
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a store."""

    path: str
    """As the file system names it."""
    name: str
    """Relative path below the URL."""
    num_bytes: int
    version: str
    """Changes when the object does: its ETag, or else the time it was made; empty where unknown."""
    md5: str | None
    """Out of an ETag that has the form of one."""


def list_objects(files: FileSystem, prefix: str) -> list[StoredObject]:
    """List the objects below a prefix, by name.

    Raises `SourceError` where there are none, or that names the object with a hostile name.
    """
    prefix = prefix.rstrip("/")
    found = _asked(prefix, lambda: files.find(prefix, detail=True))
    objects = [_object(prefix, path, entry) for path, entry in sorted(found.items())]
    objects = [entry for entry in objects if entry.name]  # markers of folders have none
    if not objects:
        raise SourceError(f"{prefix}: there are no objects; check bucket, prefix and permissions")
    names = {entry.name for entry in objects}
    for entry in objects:
        if names & {parent.as_posix() for parent in PurePosixPath(entry.name).parents}:
            raise SourceError(f"{entry.path}: lies below another object; a folder cannot be a file")
    return objects


def fetch_objects(
    files: FileSystem, objects: list[StoredObject], cache: Path, progress: Progress
) -> Path:
    """Bring objects into `<cache>/files`, which then holds them and nothing else; returns it.

    What is there already, of the same version and size, is not asked for again; what is there in
    part is continued. Raises `SourceError` that names the object that cannot be read, has another
    size or checksum than listed, or changed meanwhile.
    """
    folder, log = cache / "files", cache / "done.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    done = _done(log)
    _remove_others(folder, {entry.name: entry for entry in objects})
    wanted = [entry for entry in objects if not _is_here(entry, folder, done)]
    num_known = len(objects) - len(wanted)
    # Closed in this order: no download may be under way when the log is closed.
    with log.open("a", encoding="utf-8") as stream, ThreadPoolExecutor(_THREADS) as pool:
        try:
            fetched = pool.map(lambda entry: _fetch(files, entry, folder), wanted)
            for num_here, entry in enumerate(fetched, start=num_known + 1):
                stream.write(json.dumps([entry.name, entry.num_bytes, entry.version]) + "\n")
                stream.flush()
                progress(num_here, len(objects))
        finally:
            pool.shutdown(cancel_futures=True)
    return folder


def _object(prefix: str, path: str, entry: dict[str, Any]) -> StoredObject:
    above, _, name = path.partition(f"{prefix}/")
    if entry["type"] != "file" or path.endswith("/"):
        name = ""
    elif above or {"", ".", ".."} & set(name.split("/")) or "\\" in name or "\0" in name:
        raise SourceError(f"{path}: is no plain relative path below {prefix}")
    if entry.get("islink"):
        raise SourceError(f"{path}: is a link; copy the file itself into the store")
    version = next((str(entry[field]) for field in _VERSION_FIELDS if entry.get(field)), "")
    md5 = _MD5.fullmatch(str(entry.get("ETag", "")))
    return StoredObject(path, name, int(entry["size"] or 0), version, md5["md5"] if md5 else None)


def _is_here(entry: StoredObject, folder: Path, done: dict[str, tuple[int, str]]) -> bool:
    path = folder / entry.name
    known = done.get(entry.name) == (entry.num_bytes, entry.version) and entry.version != ""
    return known and path.is_file() and path.stat().st_size == entry.num_bytes


def _done(log: Path) -> dict[str, tuple[int, str]]:
    """What earlier runs brought; a line that a killed run left unfinished counts for nothing."""
    done: dict[str, tuple[int, str]] = {}
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    for line in lines:
        try:
            name, num_bytes, version = json.loads(line)
        except (ValueError, TypeError):
            continue
        done[str(name)] = (int(num_bytes), str(version))
    return done


def _remove_others(folder: Path, objects: dict[str, StoredObject]) -> None:
    """A file whose object is gone, or a part of an object of another version, is no data."""
    parts = {_part(folder / name, entry) for name, entry in objects.items()}
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in objects and path not in parts:
            path.unlink()
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()  # or it would stand where an object wants to be


def _part(target: Path, entry: StoredObject) -> Path:
    of_version = sha256_bytes(f"{entry.version} {entry.num_bytes}".encode())[:12]
    return target.with_name(f".{sha256_bytes(target.name.encode())[:12]}.{of_version}.partial")


def _fetch(files: FileSystem, entry: StoredObject, folder: Path) -> StoredObject:
    target = folder / entry.name
    part = _part(target, entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not entry.version:
        part.unlink(missing_ok=True)  # nobody knows whether it is of the same object
    _asked(entry.path, lambda: _download(files, entry, part))
    num_bytes = part.stat().st_size
    md5 = _md5_of(part) if entry.md5 else None
    if num_bytes != entry.num_bytes or md5 != entry.md5:
        part.unlink()
        found = f"{num_bytes:,} bytes" + (f" with MD5 {md5}" if md5 else "")
        listed = f"{entry.num_bytes:,}" + (f" with ETag {entry.md5}" if md5 else "")
        raise SourceError(f"{entry.path}: {found} came, {listed} were listed; run it again")
    part.replace(target)
    return entry


def _download(files: FileSystem, entry: StoredObject, part: Path) -> None:
    with part.open("ab") as stream, files.open(entry.path, "rb", block_size=_CHUNK_BYTES) as source:
        here = stream.tell()
        source.seek(here)
        # One byte more than listed is enough to know, so an object that grows cannot fill the disk.
        while here <= entry.num_bytes:
            chunk = source.read(min(_CHUNK_BYTES, entry.num_bytes + 1 - here))
            if not chunk:
                return
            stream.write(chunk)
            here += len(chunk)


def _md5_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _asked(path: str, ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except SourceError:
        raise
    # A store answers with whatever its client library raises: OSError, botocore's own, timeouts.
    except Exception as error:
        raise SourceError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error
