"""The manifest's schemas: what they let pass, and how they say no."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import ManifestError
from data.manifest import (
    ALIGNED_SCHEMA,
    ATTRIBUTES,
    BOX_COLUMNS,
    CURATED_SCHEMA,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    landmarks_of,
    read_manifest,
    validate,
    write_manifest,
)


@pytest.fixture
def source() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "subject_id": ["s1", "s1", "s2"],
            "path": ["s1/a.jpg", "s1/b.jpg", "s2/c.jpg"],
        }
    )
    empty = ["capture_kind", *ATTRIBUTES, *(f"{name}_provenance" for name in ATTRIBUTES)]
    table = table.assign(**dict.fromkeys(empty))
    return table.assign(**dict.fromkeys(TRUE_LANDMARK_COLUMNS, np.nan))


@pytest.fixture
def aligned(source: pd.DataFrame) -> pd.DataFrame:
    measured = (*LANDMARK_COLUMNS, *BOX_COLUMNS, *QUALITY_COLUMNS)
    table = source.assign(**dict.fromkeys(measured, 1.0))
    reasons = pd.Series([None, "no_face", None], dtype=object)
    return table.assign(crop_index=[0, -1, 1], reject_reason=reasons)


def test_what_is_written_is_read(source: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(source, path, SOURCE_SCHEMA)
    assert list(read_manifest(path, SOURCE_SCHEMA)["image_id"]) == ["a", "b", "c"]
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.parquet"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("image_id", "a"),
        ("subject_id", ""),
        ("capture_kind", "selfie"),
        ("gender_provenance", "guessed"),
    ],
)
def test_wrong_value_is_named(source: pd.DataFrame, column: str, value: str) -> None:
    source[column] = source[column].astype(object)
    source.loc[1, column] = value
    with pytest.raises(ManifestError, match=column):
        validate(source, SOURCE_SCHEMA, "source")


def test_unknown_and_missing_columns_are_refused(source: pd.DataFrame) -> None:
    with pytest.raises(ManifestError, match="shoe_size"):
        validate(source.assign(shoe_size=42), SOURCE_SCHEMA, "source")
    with pytest.raises(ManifestError, match="path"):
        validate(source.drop(columns="path"), SOURCE_SCHEMA, "source")


def test_row_has_a_crop_or_a_reason(aligned: pd.DataFrame) -> None:
    validate(aligned, ALIGNED_SCHEMA, "aligned")
    aligned.loc[1, "reject_reason"] = None
    with pytest.raises(ManifestError, match="either a crop or a reject reason"):
        validate(aligned, ALIGNED_SCHEMA, "aligned")


def test_subject_stands_in_one_split(aligned: pd.DataFrame) -> None:
    curated = aligned.assign(split=["train", "train", "test"], label=[0, -1, -1])
    validate(curated, CURATED_SCHEMA, "curated")
    curated.loc[1, "split"] = "test"
    with pytest.raises(ManifestError, match="more than one split"):
        validate(curated, CURATED_SCHEMA, "curated")


def test_file_that_is_no_manifest_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(ManifestError, match=r"broken\.parquet"):
        read_manifest(broken, SOURCE_SCHEMA)
    with pytest.raises(ManifestError, match=r"missing\.parquet"):
        read_manifest(tmp_path / "missing.parquet", SOURCE_SCHEMA)


def test_landmarks_of_a_row_are_in_contract_order(aligned: pd.DataFrame) -> None:
    aligned[list(LANDMARK_COLUMNS)] = np.arange(30.0).reshape(3, 10)
    assert landmarks_of(aligned.iloc[1]).tolist() == np.arange(10.0, 20.0).reshape(5, 2).tolist()
