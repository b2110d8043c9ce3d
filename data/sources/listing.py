"""A list of photos with their people: CSV or Parquet, or PaddlePaddle PLSC's `label.txt`.

A CSV or Parquet list has the columns `path` and `subject_id`, at will `image_id` (the path without
its suffix by default), and any of `data.sources.tables.KNOWLEDGE_COLUMNS`: attributes with or
without provenance, age, landmarks `true_left_eye_x_px` and so on. `label.txt` has no header; each
line holds a path and a label with a tab between them.
"""

from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, validate, with_source_columns
from data.sources.base import Progress, SourceData
from data.sources.copying import copy_photos, path_fault
from data.sources.tables import (
    KNOWLEDGE_COLUMNS,
    ImportedProvenance,
    ImportedTable,
    knowledge_of,
    read_labels,
    read_table,
)

_LABELS: Final = ".txt"


class ListingConfig(BaseModel):
    """Where the list and its photos lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    """The list below the folder of data sets: .csv, .parquet, or .txt for PLSC's form."""
    photos: str = Field(min_length=1)
    """Folder below the folder of data sets that the paths of the list start from."""
    provenance: ImportedProvenance = "manual"
    """Who vouches for labels and landmarks that state no provenance of their own."""


class ListingSource:
    """A list of photos as a source."""

    def __init__(self, config: ListingConfig, data_dir: Path) -> None:
        """Keep the places; nothing is read yet."""
        self.file = data_dir / config.file
        self.root = data_dir / config.photos
        self.config = config

    def materialise(self, folder: Path, workers: int, progress: Progress) -> SourceData:
        """Copy the listed photos to `<folder>/<path>`; returns their rows, there is no protocol.

        Raises `SourceError` or `ManifestError` that names the list, row and column.
        """
        table = self._read()
        if table.rows.empty:
            raise SourceError(f"{self.file}: lists no photos")
        rows = validate(
            with_source_columns(self._rows(table)),
            SOURCE_SCHEMA,
            str(self.file),
            "correct the list",
            table.row_name,
        )
        self._check_paths(table, rows)
        copy_photos(self.root, list(rows["path"]), folder, workers, progress)
        return SourceData(rows)

    def _read(self) -> ImportedTable:
        if self.file.suffix == _LABELS:
            return read_labels(self.file)
        return read_table(self.file, ("path", "subject_id"), ("image_id", *KNOWLEDGE_COLUMNS))

    def _rows(self, table: ImportedTable) -> pd.DataFrame:
        rows = table.rows
        stems = rows["path"].astype("string").str.replace(r"\.[^./]*$", "", regex=True)
        names = {
            "image_id": rows["image_id"] if "image_id" in rows else stems.astype(object),
            "subject_id": rows["subject_id"],
            "path": rows["path"],
        }
        return pd.DataFrame(names).join(knowledge_of(table, self.config.provenance))

    def _check_paths(self, table: ImportedTable, rows: pd.DataFrame) -> None:
        for row, path in enumerate(rows["path"]):
            fault = path_fault(self.root, path)
            if fault:
                raise table.fault(row, "path", fault)
