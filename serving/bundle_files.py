"""The files of a bundle on disk: plain, all listed, all as sealed, graphs of allowed parts only."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from data.files import sha256_bytes, sha256_file
from serving.errors import BundleDigestError, BundleFormatError, BundleMissingError
from serving.onnx_check.policy import check_graph
from serving.release import MAX_FILE_BYTES, RELEASE_FILE, SIGNATURE_FILE, FileEntry

FETCH_AGAIN: Final = "fetch the bundle again from the registry"
GRAPH_SUFFIX: Final = ".onnx"
_UNLISTED: Final = frozenset({RELEASE_FILE, SIGNATURE_FILE})


def check_files(folder: Path, files: Mapping[str, FileEntry]) -> None:
    """Check that the folder holds what is listed, byte for byte, and nothing else.

    Raises `BundleMissingError`, `BundleFormatError` for a link or a file that is not listed,
    `BundleDigestError` for another size or content, and `BundleGraphError`.
    """
    found, listed = listable_files(folder), set(files)
    if missing := sorted(listed - found):
        raise BundleMissingError(f"{folder} lacks {', '.join(missing)}; {FETCH_AGAIN}")
    if extra := sorted(found - listed):
        raise BundleFormatError(
            f"{folder} holds {', '.join(extra)}, which its release does not list; "
            f"remove it or {FETCH_AGAIN}"
        )
    for name, entry in files.items():
        _check_file(folder / name, entry)


def describe_file(path: Path) -> FileEntry:
    """Digest and size of a file that is to be sealed.

    Raises `BundleFormatError` for one too large, `BundleGraphError` for a graph that no bundle may
    carry.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise BundleFormatError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes; split it")
    if path.suffix == GRAPH_SUFFIX:
        check_graph(path.read_bytes(), str(path))
    return FileEntry(sha256=sha256_file(path), size_bytes=size)


def listable_files(folder: Path) -> set[str]:
    """Relative names of all files below the folder that a release lists: all but it and its
    signature. Raises `BundleFormatError` for a link or device anywhere.
    """
    if not folder.is_dir():
        raise BundleMissingError(f"{folder} is no folder; give the path of a release bundle")
    names = set()
    for parent, folders, files in os.walk(folder, followlinks=False):
        for name in (*folders, *files):
            path = Path(parent, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise BundleFormatError(
                    f"{path} is a link or no plain file; put the file itself into the bundle"
                )
            if stat.S_ISREG(mode):
                names.add(path.relative_to(folder).as_posix())
    return names - _UNLISTED


def read_plain(path: Path, max_bytes: int) -> bytes:
    """Content of a small file that is there; raises `BundleFormatError` for a link or a large one.

    Not more than `max_bytes` are read, whatever the file has grown to meanwhile.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise BundleFormatError(f"{path} is a link or no plain file; {FETCH_AGAIN}")
    with path.open("rb") as stream:
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise BundleFormatError(f"{path} is larger than {max_bytes:,} bytes; {FETCH_AGAIN}")
    return content


def _check_file(path: Path, entry: FileEntry) -> None:
    size = path.stat().st_size
    if size != entry.size_bytes:
        raise BundleDigestError(
            f"{path} has {size:,} bytes, sealed were {entry.size_bytes:,}; {FETCH_AGAIN}"
        )
    # A graph is read once, so that what is walked is what was hashed.
    content = path.read_bytes() if path.suffix == GRAPH_SUFFIX else None
    digest = sha256_file(path) if content is None else sha256_bytes(content)
    if digest != entry.sha256:
        raise BundleDigestError(f"{path} is not the file that was sealed; {FETCH_AGAIN}")
    if content is not None:
        check_graph(content, str(path))
