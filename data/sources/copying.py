"""Copy photos into the pipeline's own folder, so that it alone is the versioned data."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from data.errors import SourceError
from data.sources.base import Progress


def copy_photos(
    root: Path, paths: Sequence[str], folder: Path, workers: int, progress: Progress
) -> None:
    """Copy `<root>/<path>` to `<folder>/<path>` for every path, on several threads.

    Raises `SourceError` that names the first photo that cannot be read.
    """

    def copy(path: str) -> None:
        try:
            shutil.copyfile(root / path, folder / path)
        except OSError as error:
            raise SourceError(f"{root / path}: cannot be copied ({error})") from error

    for parent in _parents(paths):
        (folder / parent).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done, _ in enumerate(pool.map(copy, paths), start=1):
            progress(done, len(paths))


def _parents(paths: Sequence[str]) -> Iterator[PurePosixPath]:
    yield from dict.fromkeys(PurePosixPath(path).parent for path in paths)


def path_fault(root: Path, path: str) -> str | None:
    """Say why a relative path of a source cannot be used; None where it can.

    It must be plain, name an existing file, and lead nowhere outside `root`, symbolic links
    included: photos go into the pipeline's folder, where a stranger's list must not pull in others.
    """
    parts = path.split("/")
    if "\\" in path or "\0" in path or "" in parts or "." in parts or ".." in parts:
        return "is no plain relative path such as person/photo.jpg"
    if ".rec#" in path:
        return "reads like a record of a RecordIO file; rename the photo"
    if not (root / path).is_file():
        return f"is no file below {root}"
    if not (root / path).resolve().is_relative_to(root.resolve()):
        return f"is a link that leaves {root}"
    return None
