"""Files that are on the disk, not only on their way to it, and disks that are full."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from data.files import whole_file
from training.errors import CheckpointError

_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole or absent, even where the power fails."""
    with whole_file(path) as partial:
        partial.write_bytes(content)
        sync(partial)
    sync(path.parent)


def check_free(folder: Path, needed_bytes: int, leave_free_bytes: int) -> None:
    """Raise `CheckpointError` where the disk has no room for so much more."""
    if shutil.disk_usage(folder).free < needed_bytes + leave_free_bytes:
        raise _disk_full(folder, needed_bytes, leave_free_bytes)


@contextmanager
def write_errors_named(folder: Path, needed_bytes: int) -> Iterator[None]:
    """Turn what writing below a folder raises into a `CheckpointError` with a remedy."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if _errno(error) in _FULL:
            raise _disk_full(folder, needed_bytes, 0) from error
        raise CheckpointError(
            f"{folder}: a checkpoint could not be written ({error}); those written before are as"
            " they were"
        ) from error


def _errno(error: Exception) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    # safetensors passes on the number in its text only.
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else None


def _disk_full(folder: Path, needed_bytes: int, leave_free_bytes: int) -> CheckpointError:
    free_bytes = shutil.disk_usage(folder).free
    left = f" and leave {leave_free_bytes / 1e6:,.1f} MB to others" if leave_free_bytes else ""
    return CheckpointError(
        f"{folder}: the disk is full, or this process may write no more: a checkpoint needs"
        f" {needed_bytes / 1e6:,.1f} MB{left}, and {free_bytes / 1e6:,.1f} MB are free. Those"
        " written before are as they were; make room, or give the run another folder, and start it"
        " again"
    )
