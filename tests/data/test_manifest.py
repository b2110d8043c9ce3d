"""The manifest's schemas: what they let pass, and how they say no."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data import manifest
from data.errors import ManifestError
from data.manifest import (
    ALIGNED_SCHEMA,
    BOX_COLUMNS,
    CURATED_SCHEMA,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    SOURCE_COLUMNS,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    landmarks_of,
    read_manifest,
    validate,
    with_source_columns,
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
    return with_source_columns(table)


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
        ("path", None),
        ("age_years", -1.0),
        ("age_years", "old"),
        ("gender_confidence", 1.5),
        ("true_nose_x_px", float("inf")),
    ],
)
def test_wrong_value_is_named_by_file_row_and_column(
    source: pd.DataFrame, column: str, value: str | float | None
) -> None:
    source[column] = source[column].astype(object)
    source.loc[1, column] = value
    wanted = (
        rf"somewhere\.parquet: row [01] \(image_id '[ab]'\), column '{column}': {value!r} fails"
    )
    with pytest.raises(ManifestError, match=wanted):
        validate(source, SOURCE_SCHEMA, "somewhere.parquet")


def test_row_is_counted_from_the_top_whatever_the_index(source: pd.DataFrame) -> None:
    source.loc[2, "capture_kind"] = "selfie"
    shuffled = source.set_axis([7, 0, 5])
    with pytest.raises(ManifestError, match=r"row 2 \(image_id 'c'\), column 'capture_kind'"):
        validate(shuffled, SOURCE_SCHEMA, "source")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gender": "feminine"}, "gender and gender_provenance go together"),
        ({"mask_provenance": "manual"}, "mask and mask_provenance go together"),
        ({"age_years": 20.0}, "age_years and age_years_provenance go together"),
        (
            {"gender": "feminine", "gender_provenance": "manual", "gender_confidence": 0.9},
            "gender_confidence is for a predicted gender only",
        ),
        ({"true_nose_x_px": 3.0}, "all given or all null"),
        ({"true_landmarks_provenance": "manual"}, "all given or all null"),
    ],
)
def test_row_that_contradicts_itself_is_named(
    source: pd.DataFrame, changes: dict[str, str | float], message: str
) -> None:
    for column, value in changes.items():
        source[column] = source[column].astype(object)
        source.loc[1, column] = value
    with pytest.raises(ManifestError, match=rf"row 1 \(image_id 'b'\): .*{message}"):
        validate(source, SOURCE_SCHEMA, "source")


def test_labels_and_landmarks_with_their_provenance_pass(source: pd.DataFrame) -> None:
    labelled = source.assign(
        gender="feminine", gender_provenance="predicted:gear", gender_confidence=0.9
    )
    labelled.loc[1:, ["gender", "gender_provenance", "gender_confidence"]] = None
    labelled[list(TRUE_LANDMARK_COLUMNS)] = 4.0
    labelled["true_landmarks_provenance"] = "manual"
    validate(labelled, SOURCE_SCHEMA, "source")


def test_a_column_whose_values_come_late_is_read_as_it_was(
    source: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest is written block by block, and each alone would have types of its own."""
    monkeypatch.setattr(manifest, "_BLOCK_ROWS", 2)
    source.loc[2, "gender"], source.loc[2, "gender_provenance"] = "feminine", "manual"
    source.loc[0, "age_years"], source.loc[0, "age_years_provenance"] = 30.0, "manual"
    path = tmp_path / "manifest.parquet"
    write_manifest(source, path, SOURCE_SCHEMA)
    found = read_manifest(path, SOURCE_SCHEMA)
    pd.testing.assert_frame_equal(found, validate(source, SOURCE_SCHEMA, "source"))
    assert found["gender"].tolist() == [None, None, "feminine"]
    write_manifest(source.iloc[:0], path, SOURCE_SCHEMA)
    assert list(read_manifest(path, SOURCE_SCHEMA).columns) == list(SOURCE_COLUMNS)


def test_checking_leaves_the_table_as_it_was(source: pd.DataFrame) -> None:
    before = source.assign(age_years=pd.Series(["31", None, None], dtype=object))
    before["age_years_provenance"] = ["manual", None, None]
    kept = before.copy()
    checked = validate(before, SOURCE_SCHEMA, "source")
    assert checked["age_years"].dtype == np.float64
    pd.testing.assert_frame_equal(before, kept)


def test_missing_source_columns_are_added_as_nulls(source: pd.DataFrame) -> None:
    assert tuple(source.columns) == SOURCE_COLUMNS
    assert source.drop(columns=["image_id", "subject_id", "path"]).isna().all(axis=None)
    kept = with_source_columns(source.assign(shoe_size=42))
    assert tuple(kept.columns) == (*SOURCE_COLUMNS, "shoe_size")


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


def test_nobody_need_be_rejected(aligned: pd.DataFrame) -> None:
    accepted = aligned.assign(crop_index=[0, 1, 2], reject_reason=None)
    checked = validate(accepted, ALIGNED_SCHEMA, "aligned")
    pd.testing.assert_index_equal(checked.columns, accepted.columns)
    assert checked["reject_reason"].isna().all()
    with pytest.raises(ManifestError, match=r"row 2 .*either a crop or a reject reason"):
        validate(accepted.assign(crop_index=[0, 1, -1]), ALIGNED_SCHEMA, "aligned")


def test_subject_stands_in_one_split(aligned: pd.DataFrame) -> None:
    curated = aligned.assign(
        split=["train", "train", "test"], label=[0, -1, -1], sampling_weight=[1.0, 0.0, 0.0]
    )
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
