"""What any source of photographs must do."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pandas as pd

Progress = Callable[[int, int], None]
"""Called with the photos done and the photos in all."""


class Source(Protocol):
    """A place that photographs of people come from."""

    def materialise(self, folder: Path, workers: int, progress: Progress) -> pd.DataFrame:
        """Write the photos below `folder` and return their rows (`data.manifest.SOURCE_SCHEMA`).

        Raises `SourceError` where the source is missing or not what it claims to be.
        """
        ...
