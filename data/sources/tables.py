"""Tables that people bring along, CSV or Parquet, read strictly: a fault has file, row and column.

Rows are counted from 0 below the header. A CSV file is UTF-8, has one line for each row, and an
empty field is a null; text such as `NA` is text.
"""

import csv
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from data.errors import SourceError
from data.manifest import (
    ATTRIBUTES,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    validate,
    with_source_columns,
)

ImportedProvenance = Literal["manual", "ground_truth"]
"""Who says so: a person who looked (manual), or a record that is right (ground_truth)."""

KNOWLEDGE_COLUMNS: Final = (
    "capture_kind",
    "template_id",
    "media_id",
    *(f"{name}{twin}" for name in ATTRIBUTES for twin in ("", "_provenance", "_confidence")),
    "age_years",
    "age_years_provenance",
    *TRUE_LANDMARK_COLUMNS,
    "true_landmarks_provenance",
    "true_landmarks_confidence",
)
"""Manifest columns that a table may bring along for a photo or a person."""


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """A table and where it came from."""

    path: Path
    rows: pd.DataFrame
    row_name: Callable[[int], str]
    """Names a row as a person finds it in the file."""

    def fault(self, row: int, column: str, what: str) -> SourceError:
        """Make the error that names file, row and column."""
        value = self.rows[column].iloc[row]
        return SourceError(
            f"{self.path}: {self.row_name(row)}, column {column!r}: {value!r} {what}"
        )


def read_table(path: Path, required: Collection[str], optional: Collection[str]) -> ImportedTable:
    """Read `.csv` or `.parquet`; the columns must be those required, and at will the optional ones.

    Raises `SourceError` that names the file and what is wrong with it.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix not in readers:
        raise SourceError(f"{path}: is neither .csv nor .parquet")
    try:
        rows = readers[path.suffix](path)
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as a table ({error})") from error
    _check_columns(path, list(rows.columns), required, optional)
    return ImportedTable(path, rows, _line_name if path.suffix == ".csv" else "row {}".format)


def read_labels(path: Path) -> ImportedTable:
    """Read lines `path<TAB>label` without a header; the label is the `subject_id`.

    Raises `SourceError` that names the line that is not so.
    """
    parse = pa.csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)
    try:
        rows = _read_text(path, ["path", "subject_id"], parse, has_header=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as lines path<TAB>label ({error})") from error
    return ImportedTable(path, rows, lambda row: f"row {row} (line {row + 1})")


def knowledge_of(table: ImportedTable, provenance: ImportedProvenance) -> pd.DataFrame:
    """Turn what a table says of photos or people into SOURCE columns, row by row.

    A label without a provenance column of its own gets `provenance`. Raises `ManifestError` that
    names file, row and column.
    """
    given = [name for name in table.rows.columns if name in KNOWLEDGE_COLUMNS]
    numbers = pd.Series(range(len(table.rows))).astype(str)
    rows = with_source_columns(
        table.rows[given].assign(image_id=numbers, subject_id=numbers, path=numbers)
    )
    for name in (*ATTRIBUTES, "age_years", "true_landmarks"):
        if f"{name}_provenance" not in given:
            first = TRUE_LANDMARK_COLUMNS[0] if name == "true_landmarks" else name
            rows.loc[rows[first].notna(), f"{name}_provenance"] = provenance
    remedy = "correct the table"
    checked = validate(rows, SOURCE_SCHEMA, str(table.path), remedy, table.row_name)
    return checked[list(KNOWLEDGE_COLUMNS)]


def _read_csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = next(csv.reader(stream, strict=True), [])
    return _read_text(path, header, pa.csv.ParseOptions(ignore_empty_lines=False), has_header=True)


def _read_text(
    path: Path, columns: list[str], parse: pa.csv.ParseOptions, *, has_header: bool
) -> pd.DataFrame:
    table: pd.DataFrame = pa.csv.read_csv(
        path,
        # One thread, because the reader can name a row only then.
        read_options=pa.csv.ReadOptions(
            use_threads=False, column_names=None if has_header else columns
        ),
        parse_options=parse,
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    ).to_pandas()
    return table


def _read_parquet(path: Path) -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(path, partitioning=None).to_pandas(ignore_metadata=True)
    return table


def _check_columns(
    path: Path, found: list[str], required: Collection[str], optional: Collection[str]
) -> None:
    for name in required:
        if name not in found:
            raise SourceError(f"{path}: column {name!r} is missing")
    for name in found:
        if name not in required and name not in optional:
            raise SourceError(
                f"{path}: column {name!r} is unknown; known are"
                f" {', '.join(sorted({*required, *optional}))}"
            )
        if found.count(name) > 1:
            raise SourceError(f"{path}: column {name!r} is there twice")


def _line_name(row: int) -> str:
    return f"row {row} (line {row + 2})"
