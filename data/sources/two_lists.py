"""The two lists of a verification `.bin`: encoded images, and for each pair whether it is genuine.

One pickle `(images, issame)`; pair i is the images 2i and 2i + 1. An image is bytes (Python 2: str)
or a uint8 array of `cv2.imencode`; a flag is a boolean, Python's or numpy's, or 0 and 1.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from data.errors import SourceError
from data.sources.plain_pickle import PickledArray, PlainPickleError, read_plain_pickle

MAX_FILE_BYTES: Final = 4 << 30
MAX_REPEATS: Final = 8
"""A photo of several pairs may be written once; all photos, so many times over, are no photos."""


def read_two_lists(path: Path) -> tuple[list[bytes], list[bool]]:
    """Read the encoded images (2 P) and the flags (P).

    Raises `SourceError` that names the file and the byte or entry where it is truncated, hostile or
    something else. Nothing in the file is ever run.
    """
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_FILE_BYTES:
            raise SourceError(f"{path}: has {size:,} bytes, not 1 to {MAX_FILE_BYTES:,}")
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            return _two_lists(read_plain_pickle(mapped), size)
    except PlainPickleError as error:
        raise SourceError(f"{path}: {error}; it is no verification set to trust") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _two_lists(found: object, size: int) -> tuple[list[bytes], list[bool]]:
    if not isinstance(found, tuple | list) or len(found) != 2 or not isinstance(found[0], list):
        raise PlainPickleError("it does not hold two lists")
    images, flags = found[0], list(_flags(found[1]))
    if not flags or len(images) != 2 * len(flags):
        raise PlainPickleError(f"it holds {len(images):,} images for {len(flags):,} pairs")
    contents = list(_contents(images))
    if sum(map(len, contents)) > MAX_REPEATS * size:
        # One image written once and mentioned a million times would fill the disk.
        raise PlainPickleError(f"its images are repeated more than {MAX_REPEATS} times over")
    return contents, flags


def _contents(images: list[object]) -> Iterator[bytes]:
    for number, image in enumerate(images):
        if isinstance(image, PickledArray) and image.dtype == "u1":
            yield image.content
        elif isinstance(image, bytes):
            yield image
        else:
            raise PlainPickleError(f"image {number} is a {type(image).__name__}, not bytes")


def _flags(flags: object) -> Iterator[bool]:
    if isinstance(flags, PickledArray) and flags.dtype == "b1":
        flags = list(flags.content)
    if not isinstance(flags, list):
        raise PlainPickleError(f"the flags are a {type(flags).__name__}, not a list")
    for number, flag in enumerate(flags):
        if not isinstance(flag, bool | int) or flag not in (0, 1):
            raise PlainPickleError(f"flag {number} is no boolean")
        yield bool(flag)
