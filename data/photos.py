"""Where the bytes of a photograph are: a file, or a record inside a RecordIO file.

A manifest names a photo by a path below the photos folder, or by `some.rec#<key>`. Every stage
reads photos through here, so no stage needs to know which of the two a source delivers.
"""

import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from data.errors import SourceError
from data.recordio.reader import RecordFile

RECORD_PATH: Final = re.compile(r"(?P<file>.+\.rec)#(?P<key>[0-9]{1,18})", re.DOTALL)


def record_path(file: str, key: int) -> str:
    """Name of a record as a manifest writes it; `file` is the `.rec` below the photos folder."""
    return f"{file}#{key}"


def read_photo(root: Path, path: str) -> bytes:
    """Bytes of one photo, undecoded; `path` is below `root` or a record `some.rec#<key>` there.

    Safe from several threads and after a fork. Raises `SourceError` that names file and record
    where the photo is missing, broken or would lie outside `root`.
    """
    record = RECORD_PATH.fullmatch(path)
    if record is None:
        return _read_file(_below(root, path))
    file = _record_file(root, record["file"])
    return bytes(_open_records(file, *_state(file)).read_image(int(record["key"])))


def _below(root: Path, path: str) -> Path:
    # By the name alone: a link inside `root` is the owner's, and DVC may store photos as links.
    parts = PurePosixPath(path)
    if not path or "\0" in path or "\\" in path or parts.is_absolute() or ".." in parts.parts:
        raise SourceError(f"{path!r} is no path below the photos folder; ingest the source again")
    return root / parts


@lru_cache(maxsize=16)  # all photos of a set lie in one file
def _record_file(root: Path, name: str) -> Path:
    return _below(root, name)


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        raise SourceError(f"{path}: there is no such photo; ingest the source again")
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _state(file: Path) -> tuple[int, int, int]:
    """Changes when the file is replaced, so that a cached reader is never a stale one."""
    try:
        found = file.stat()
    except OSError as error:
        raise SourceError(f"{file}: cannot be read ({error.strerror})") from error
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _open_records(file: Path, *_state: int) -> RecordFile:
    return RecordFile.open(file)
