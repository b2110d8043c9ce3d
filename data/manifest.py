"""The manifest: one row for each photograph, as a table that grows from stage to stage.

`ingest` writes SOURCE columns, `align` adds what was detected, `curate` adds the split. Every stage
validates what it reads and what it writes; a stage never drops a row, it gives a reject reason.
A row is counted from 0 in messages, as in the Parquet file.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq

from data.errors import ManifestError
from data.face import LANDMARK_NAMES, LandmarksPx
from data.files import whole_file

CaptureKind = Literal["id_photo", "webcam", "gate"]
Split = Literal["train", "calibration", "test", "canary"]
CAPTURE_KINDS: Final = get_args(CaptureKind)
SPLITS: Final = get_args(Split)

ATTRIBUTES: Final = (
    "age_band",
    "gender",
    "ethnicity",
    "skin_tone",
    "family_id",
    "glasses",
    "mask",
    "facial_hair",
    "pose_band",
    "lighting",
)
"""Slice columns. Each has a twin `<name>_provenance`; both are null where nothing is known. A label
that a model predicted may have a `<name>_confidence`, 0 to 1, as well."""

PROVENANCE_PATTERN: Final = r"^(ground_truth|manual|predicted:.+)$"
LANDMARK_COLUMNS: Final = tuple(f"{name}_{axis}_px" for name in LANDMARK_NAMES for axis in "xy")
TRUE_LANDMARK_COLUMNS: Final = tuple(f"true_{name}" for name in LANDMARK_COLUMNS)
"""Landmarks that came with the source; `true_landmarks_provenance` says how good they are, and
`true_landmarks_confidence` is the score of the detector that predicted them."""
BOX_COLUMNS: Final = ("box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px")
QUALITY_COLUMNS: Final = (
    "detection_score",
    "eye_distance_px",
    "alignment_residual_px",
    "sharpness",
    "brightness",
    "contrast",
    "detail",
    "dark_share",
    "bright_share",
    "entropy_bits",
    "light_balance",
    "eye_texture",
    "mouth_texture",
    "skin_shift",
    "blockiness",
    "yaw_deg",
    "pitch_deg",
    "roll_deg",
    "detection_quality",
    "eye_distance_quality",
    "alignment_quality",
    "sharpness_quality",
    "underexposure_quality",
    "overexposure_quality",
    "dynamic_range_quality",
    "light_balance_quality",
    "eyes_visible_quality",
    "mouth_visible_quality",
    "skin_colour_quality",
    "compression_quality",
    "yaw_quality",
    "pitch_quality",
    "roll_quality",
    "quality",
)
"""Fields of `data.quality.Quality`: native measures, components of 0 to 100 and the whole."""


_BLOCK_ROWS: Final = 1 << 17


def _given(table: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Rows where a column has a value; `validate` leaves out a column that is null all over."""
    return table[name].notna() if name in table else pd.Series(data=False, index=table.index)


def _labelled(name: str, table: pd.DataFrame) -> "pd.Series[bool]":
    return _given(table, name) == _given(table, f"{name}_provenance")


def _confident(name: str, table: pd.DataFrame) -> "pd.Series[bool]":
    confident, provenance = _given(table, f"{name}_confidence"), f"{name}_provenance"
    if not confident.any() or provenance not in table:
        return ~confident
    return ~confident | table[provenance].astype(str).str.startswith("predicted:")


def _landmarks_whole(table: pd.DataFrame) -> "pd.Series[bool]":
    whole = pd.Series(data=True, index=table.index)
    for name in TRUE_LANDMARK_COLUMNS:
        whole &= _given(table, name) == _given(table, "true_landmarks_provenance")
    return whole


def _provenance() -> pa.Column:
    return pa.Column(str, pa.Check.str_matches(PROVENANCE_PATTERN), nullable=True)


_SOURCE: Final = {
    "image_id": pa.Column(str, pa.Check.str_length(min_value=1), unique=True),
    "subject_id": pa.Column(str, pa.Check.str_length(min_value=1)),
    "path": pa.Column(str, pa.Check.str_length(min_value=1), unique=True),
    "capture_kind": pa.Column(str, pa.Check.isin(CAPTURE_KINDS), nullable=True),
    "template_id": pa.Column(str, nullable=True),
    "media_id": pa.Column(str, nullable=True),
    **{name: pa.Column(str, nullable=True) for name in ATTRIBUTES},
    **{f"{name}_provenance": _provenance() for name in ATTRIBUTES},
    **{
        f"{name}_confidence": pa.Column(float, pa.Check.in_range(0, 1), nullable=True)
        for name in ATTRIBUTES
    },
    "age_years": pa.Column(float, pa.Check.in_range(0, 130), nullable=True),
    "age_years_provenance": _provenance(),
    **{
        name: pa.Column(float, pa.Check(np.isfinite, error="is_finite"), nullable=True)
        for name in TRUE_LANDMARK_COLUMNS
    },
    "true_landmarks_provenance": _provenance(),
    "true_landmarks_confidence": pa.Column(float, pa.Check.in_range(0, 1), nullable=True),
}
SOURCE_COLUMNS: Final = tuple(_SOURCE)
_DETECTED: Final = {
    **{name: pa.Column(float, nullable=True) for name in LANDMARK_COLUMNS},
    **{name: pa.Column(float, nullable=True) for name in BOX_COLUMNS},
    **{name: pa.Column(float, nullable=True) for name in QUALITY_COLUMNS},
    "crop_index": pa.Column(int, pa.Check.ge(-1)),
    "reject_reason": pa.Column(str, nullable=True),
}

_SOURCE_CHECKS: Final = [
    *(
        pa.Check(partial(_labelled, name), error=f"{name} and {name}_provenance go together")
        for name in (*ATTRIBUTES, "age_years")
    ),
    *(
        pa.Check(
            partial(_confident, name), error=f"{name}_confidence is for a predicted {name} only"
        )
        for name in (*ATTRIBUTES, "true_landmarks")
    ),
    pa.Check(
        _landmarks_whole,
        error="the ten true_*_px and true_landmarks_provenance are all given or all null",
    ),
]

SOURCE_SCHEMA: Final = pa.DataFrameSchema(_SOURCE, strict=True, coerce=True, checks=_SOURCE_CHECKS)
ALIGNED_SCHEMA: Final = pa.DataFrameSchema(
    {**_SOURCE, **_DETECTED},
    strict=True,
    coerce=True,
    checks=[
        *_SOURCE_CHECKS,
        pa.Check(
            lambda table: (table["crop_index"] >= 0) != _given(table, "reject_reason"),
            error="a row has either a crop or a reject reason",
        ),
    ],
)
CURATED_SCHEMA: Final = pa.DataFrameSchema(
    {
        **_SOURCE,
        **_DETECTED,
        "split": pa.Column(str, pa.Check.isin(SPLITS)),
        "label": pa.Column(int, pa.Check.ge(-1)),
        "sampling_weight": pa.Column(float, pa.Check.ge(0)),
    },
    strict=True,
    coerce=True,
    checks=[
        *_SOURCE_CHECKS,
        pa.Check(
            lambda table: table.groupby("subject_id")["split"].transform("nunique") == 1,
            error="a subject is in more than one split",
        ),
    ],
)


def with_source_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add every SOURCE column that a table lacks, as null, and put them in the schema's order.

    Columns that are no SOURCE columns stay at the end, for `validate` to refuse.
    """
    further = [name for name in table.columns if name not in _SOURCE]
    known = {
        name: table[name] if name in table.columns else _null(SOURCE_SCHEMA, name)
        for name in SOURCE_COLUMNS
    }
    return pd.DataFrame(known | {name: table[name] for name in further}, index=table.index)


def _null(schema: pa.DataFrameSchema, name: str) -> float | None:
    return float("nan") if schema.columns[name].dtype.type == np.float64 else None


def _may_be_null(schema: pa.DataFrameSchema, name: str) -> bool:
    return name in schema.columns and bool(schema.columns[name].nullable)


def validate(
    table: pd.DataFrame,
    schema: pa.DataFrameSchema,
    name: str,
    remedy: str = "rebuild it with the stage that writes it",
    row_name: Callable[[int], str] | None = None,
) -> pd.DataFrame:
    """Check a table against a schema; raises `ManifestError` that names row, column and value.

    `name` is the file; `row_name` says how a row is named in it, by default by its `image_id` too.
    """
    # Most columns of a large set are null all over; checking each would take most of the time.
    nulls = [c for c in table.columns if _may_be_null(schema, c) and table[c].isna().all()]
    try:
        rest = schema.remove_columns(nulls).validate(table.drop(columns=nulls), lazy=True)
        return _with_columns(table, rest, {c: _null(schema, c) for c in nulls})
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        where = _first_case(table, cases, row_name or partial(_row_name, table))
        num_rows = cases["index"].nunique()
        others = f" ({num_rows} rows in all)" if num_rows > 1 else ""
        raise ManifestError(f"{name}: {where}{others}; {remedy}") from error


def _with_columns(
    table: pd.DataFrame, checked: pd.DataFrame, nulls: Mapping[str, float | None]
) -> pd.DataFrame:
    """The table with its checked columns, without a copy of those that are null: most are."""
    result = table.copy(deep=False)
    for name in checked.columns:
        result[name] = checked[name]
    for name, null in nulls.items():
        if not _is_all(table[name], null):
            result[name] = pd.Series(null, table.index, dtype=object if null is None else float)
    return result


def _is_all(column: pd.Series, null: float | None) -> bool:
    """Whether a column without a value holds this very null."""
    if null is not None:
        return column.dtype == np.float64
    return column.dtype == object and all(value is None for value in column)


def _first_case(table: pd.DataFrame, cases: pd.DataFrame, row_name: Callable[[int], str]) -> str:
    """Name the fault that explains most: a missing column, then a wrong value, then a wrong row."""
    structural = cases[cases["check"].astype(str).str.startswith("column_in_")]
    of_columns = cases[cases["schema_context"] == "Column"]
    case = next(found.iloc[0] for found in (structural, of_columns, cases) if len(found))
    if len(structural):
        absent = case["check"] == "column_in_dataframe"
        return f"column {case['failure_case']!r} is {'missing' if absent else 'unknown'}"
    rows = np.flatnonzero(table.index == case["index"])
    where = row_name(int(rows[0])) if len(rows) else "all rows"
    if case["schema_context"] != "Column":
        return f"{where}: {case['check']}"
    value, check = case["failure_case"], str(case["check"])
    value = value.item() if isinstance(value, np.generic) else value
    return f"{where}, column {case['column']!r}: {value!r} fails {check!r}"


def _row_name(table: pd.DataFrame, row: int) -> str:
    if "image_id" not in table.columns:
        return f"row {row}"
    return f"row {row} (image_id {table['image_id'].iloc[row]!r})"


def read_manifest(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read and validate a manifest; raises `ManifestError` where it is missing or broken."""
    try:
        # Each column of the file is let go as soon as the table has it.
        table = pq.read_table(path).to_pandas(self_destruct=True)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest ({error})") from error
    return validate(table, schema, str(path))


def write_manifest(table: pd.DataFrame, path: Path, schema: pa.DataFrameSchema) -> None:
    """Validate and write a manifest, whole or not at all."""
    table = validate(table, schema, str(path))
    columns = _arrow_schema(table, schema)
    with whole_file(path) as partial, pq.ParquetWriter(partial, columns) as writer:
        for start in range(0, max(len(table), 1), _BLOCK_ROWS):
            block = table.iloc[start : start + _BLOCK_ROWS]
            writer.write_table(pyarrow.Table.from_pandas(block, columns, preserve_index=False))


def _arrow_schema(table: pd.DataFrame, schema: pa.DataFrameSchema) -> pyarrow.Schema:
    """Types by the schema, because a block may have nothing but nulls where another has not."""
    types = {np.dtype(np.float64): pyarrow.float64(), np.dtype(np.int64): pyarrow.int64()}
    return pyarrow.schema(
        [
            (name, types.get(np.dtype(schema.columns[name].dtype.type), pyarrow.string()))
            for name in table.columns
        ]
    )


def landmarks_of(row: pd.Series, columns: tuple[str, ...] = LANDMARK_COLUMNS) -> LandmarksPx:
    """Landmarks (5, 2) of one manifest row."""
    return np.asarray([row[name] for name in columns], dtype=np.float32).reshape(5, 2)
