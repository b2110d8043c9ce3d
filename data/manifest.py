"""The manifest: one row for each photograph, as a table that grows from stage to stage.

`ingest` writes SOURCE columns, `align` adds what was detected, `curate` adds the split. Every stage
validates what it reads and what it writes; a stage never drops a row, it gives a reject reason.
"""

from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa

from data.errors import ManifestError
from data.face import LANDMARK_NAMES, LandmarksPx
from data.files import whole_file

CaptureKind = Literal["id_photo", "webcam", "gate"]
Split = Literal["train", "calibration", "test"]
CAPTURE_KINDS: Final = get_args(CaptureKind)
SPLITS: Final = get_args(Split)

ATTRIBUTES: Final = (
    "age_band",
    "gender",
    "skin_tone",
    "family_id",
    "glasses",
    "mask",
    "facial_hair",
    "pose_band",
    "lighting",
)
"""Slice columns. Each has a twin `<name>_provenance`; both are null where nothing is known."""

PROVENANCE_PATTERN: Final = r"^(ground_truth|manual|predicted:.+)$"
LANDMARK_COLUMNS: Final = tuple(f"{name}_{axis}_px" for name in LANDMARK_NAMES for axis in "xy")
TRUE_LANDMARK_COLUMNS: Final = tuple(f"true_{name}" for name in LANDMARK_COLUMNS)
BOX_COLUMNS: Final = ("box_x0_px", "box_y0_px", "box_x1_px", "box_y1_px")
QUALITY_COLUMNS: Final = (
    "detection_score",
    "eye_distance_px",
    "alignment_residual_px",
    "sharpness",
    "brightness",
    "contrast",
)

_SOURCE: Final = {
    "image_id": pa.Column(str, unique=True),
    "subject_id": pa.Column(str, pa.Check.str_length(min_value=1)),
    "path": pa.Column(str, unique=True),
    "capture_kind": pa.Column(str, pa.Check.isin(CAPTURE_KINDS), nullable=True),
    **{name: pa.Column(str, nullable=True) for name in ATTRIBUTES},
    **{
        f"{name}_provenance": pa.Column(
            str, pa.Check.str_matches(PROVENANCE_PATTERN), nullable=True
        )
        for name in ATTRIBUTES
    },
    **{name: pa.Column(float, nullable=True) for name in TRUE_LANDMARK_COLUMNS},
}
_DETECTED: Final = {
    **{name: pa.Column(float, nullable=True) for name in LANDMARK_COLUMNS},
    **{name: pa.Column(float, nullable=True) for name in BOX_COLUMNS},
    **{name: pa.Column(float, nullable=True) for name in QUALITY_COLUMNS},
    "crop_index": pa.Column(int, pa.Check.ge(-1)),
    "reject_reason": pa.Column(str, nullable=True),
}

SOURCE_SCHEMA: Final = pa.DataFrameSchema(_SOURCE, strict=True, coerce=True)
ALIGNED_SCHEMA: Final = pa.DataFrameSchema(
    {**_SOURCE, **_DETECTED},
    strict=True,
    coerce=True,
    checks=pa.Check(
        lambda table: (table["crop_index"] >= 0) == table["reject_reason"].isna(),
        error="a row has either a crop or a reject reason",
    ),
)
CURATED_SCHEMA: Final = pa.DataFrameSchema(
    {
        **_SOURCE,
        **_DETECTED,
        "split": pa.Column(str, pa.Check.isin(SPLITS)),
        "label": pa.Column(int, pa.Check.ge(-1)),
    },
    strict=True,
    coerce=True,
    checks=pa.Check(
        lambda table: table.groupby("subject_id")["split"].transform("nunique") == 1,
        error="a subject is in more than one split",
    ),
)


def validate(table: pd.DataFrame, schema: pa.DataFrameSchema, name: str) -> pd.DataFrame:
    """Check a table against a schema; raises `ManifestError` that names column and first case."""
    table = table.astype({c: object for c in table.columns if table[c].isna().all()})
    try:
        return schema.validate(table, lazy=True)
    except pandera.errors.SchemaErrors as error:
        first = error.failure_cases.iloc[0]
        where = f"column {first['column']!r} fails {first['check']!r} at {first['failure_case']!r}"
        raise ManifestError(
            f"{name}: {where} ({len(error.failure_cases)} cases);"
            " rebuild it with the stage that writes it"
        ) from error


def read_manifest(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read and validate a manifest; raises `ManifestError` where it is missing or broken."""
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as a manifest ({error})") from error
    return validate(table, schema, str(path))


def write_manifest(table: pd.DataFrame, path: Path, schema: pa.DataFrameSchema) -> None:
    """Validate and write a manifest, whole or not at all."""
    table = validate(table, schema, str(path))
    with whole_file(path) as partial:
        table.reset_index(drop=True).to_parquet(partial, index=False)


def landmarks_of(row: pd.Series, columns: tuple[str, ...] = LANDMARK_COLUMNS) -> LandmarksPx:
    """Landmarks (5, 2) of one manifest row."""
    return np.asarray([row[name] for name in columns], dtype=np.float32).reshape(5, 2)
