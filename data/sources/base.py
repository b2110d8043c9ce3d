"""What any source of photographs must do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from data.published import PublishedPairs

Progress = Callable[[int, int], None]
"""Called with the photos done and the photos in all."""


@dataclass(frozen=True, slots=True)
class SourceData:
    """What a source hands over."""

    table: pd.DataFrame
    """One row for each photo (`data.manifest.SOURCE_SCHEMA`)."""
    protocol: PublishedPairs | None = None
    """The comparisons that were published with the photos, where there are any."""


class Source(Protocol):
    """A place that photographs of people come from."""

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Write the photos below `folder` and return their rows and the published protocol.

        `path` in a row is a path below `folder`, or `<file>.rec#<key>` for a record of a RecordIO
        file below it. Raises `SourceError` where the source is missing or not what it claims to be.
        """
        ...
