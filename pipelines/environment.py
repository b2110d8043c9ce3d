"""What the surroundings decide and no parameter may: folders outside the repository, cores."""

import os
from pathlib import Path

from data.errors import SourceError, WeightsError
from serving.cpus import usable_cores


def usable_workers() -> int:
    """Processes for parallel work; no result depends on it."""
    return usable_cores()


def data_dir(root: Path) -> Path:
    """Folder of external data sets: EXAMGATE_DATA_DIR, or ../shared/data where that exists."""
    folder = _folder("EXAMGATE_DATA_DIR", root.parent / "shared/data")
    if folder is None:
        raise SourceError(
            "no folder of data sets; set EXAMGATE_DATA_DIR to the one that holds lfw/"
        )
    return folder


def weights_dir(root: Path) -> Path:
    """Folder of weights: EXAMGATE_WEIGHTS_DIR, or ../shared/weights where that exists."""
    folder = _folder("EXAMGATE_WEIGHTS_DIR", root.parent / "shared/weights")
    if folder is None:
        raise WeightsError(
            "no folder of weights; `examgate models fetch NAME`, or set EXAMGATE_WEIGHTS_DIR"
        )
    return folder


def _folder(variable: str, default: Path) -> Path | None:
    value = os.environ.get(variable)
    folder = Path(value) if value else default
    return folder if folder.is_dir() else None
