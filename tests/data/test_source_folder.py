"""A folder for each person: what is taken, what is refused, and what a table adds."""

from pathlib import Path

import pandas as pd
import pytest

from data.errors import ManifestError, SourceError
from data.manifest import SOURCE_SCHEMA, validate
from data.sources.folder import FolderConfig, FolderSource

CONFIG = FolderConfig(folder="people")
LABELLED = CONFIG.model_copy(update={"attributes": "labels.csv"})


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for name in ("ann/1.jpg", "ann/2.JPEG", "bob/1.png", "bob/.hidden", "cy d/x.webp", ".git/x"):
        path = tmp_path / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _read(data_dir: Path, config: FolderConfig = CONFIG) -> pd.DataFrame:
    return FolderSource(config, data_dir).materialise(data_dir / "photos", 2, _silent).table


def test_every_photo_gets_a_row_and_a_copy(data_dir: Path) -> None:
    table = _read(data_dir)
    validate(table, SOURCE_SCHEMA, "folder")
    assert table["image_id"].tolist() == ["ann/1", "ann/2", "bob/1", "cy d/x"]
    assert table["subject_id"].tolist() == ["ann", "ann", "bob", "cy d"]
    for path in table["path"]:
        assert (data_dir / "photos" / path).read_bytes() == path.encode()
    assert len([path for path in (data_dir / "photos").rglob("*") if path.is_file()]) == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ann/notes.txt", r"ann/notes\.txt: is no photo of a person; remove it or"),
        ("loose.jpg", r"loose\.jpg: is no photo of a person"),
        ("ann/deeper/3.jpg", r"ann/deeper: is a folder inside a person's folder"),
        ("ann/1.png", r"ann/1\.png: has the same stem as 1\.jpg"),
        ("eve/.only_hidden", r"eve: holds no photos; remove the folder"),
        ("ann/train.rec#7.jpg", r"reads like a record of a RecordIO file"),
        ("ann/back\\slash.jpg", r"is no plain relative path"),
    ],
)
def test_what_is_unclear_is_refused_by_name(data_dir: Path, name: str, message: str) -> None:
    path = data_dir / "people" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    with pytest.raises(SourceError, match=message):
        _read(data_dir)
    assert not (data_dir / "photos").exists()


def test_other_files_are_skipped_where_the_config_says_so(data_dir: Path) -> None:
    (data_dir / "people/Thumbs.db").write_bytes(b"x")
    (data_dir / "people/ann/notes.txt").write_bytes(b"x")
    assert len(_read(data_dir, CONFIG.model_copy(update={"other_files": "skip"}))) == 4


@pytest.mark.parametrize("is_folder", [False, True])
def test_link_out_of_the_root_is_refused_and_one_inside_followed(
    data_dir: Path, is_folder: bool
) -> None:
    outside = data_dir / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (data_dir / "people/bob/2.jpg").symlink_to(data_dir / "people/ann/1.jpg")
    assert (data_dir / "photos" / _read(data_dir)["path"][3]).read_bytes() == b"ann/1.jpg"
    link = data_dir / "people" / ("eve" if is_folder else "bob/3.jpg")
    link.symlink_to(outside if is_folder else outside / "secret.jpg")
    with pytest.raises(SourceError, match=f"{link}.*: is a link that leaves"):
        _read(data_dir)


def test_missing_and_empty_roots_are_named(data_dir: Path) -> None:
    with pytest.raises(SourceError, match="nowhere: cannot be listed"):
        _read(data_dir, FolderConfig(folder="nowhere"))
    (data_dir / "empty").mkdir()
    with pytest.raises(SourceError, match="empty: holds no folders of photos"):
        _read(data_dir, FolderConfig(folder="empty"))


def test_attributes_of_people_reach_all_their_photos(data_dir: Path) -> None:
    (data_dir / "labels.csv").write_text(
        "subject_id,gender,age_years\nann,feminine,23\nbob,,41.5\n"
    )
    by_id = _read(data_dir, LABELLED).set_index("image_id")
    assert by_id.loc[["ann/1", "ann/2"], "gender"].tolist() == ["feminine"] * 2
    assert by_id.loc[["ann/1", "bob/1"], "age_years"].tolist() == [23, 41.5]
    assert by_id.loc["ann/2", "age_years_provenance"] == "manual"
    assert by_id.loc[["bob/1"], ["gender", "gender_provenance"]].isna().all(axis=None)
    assert by_id.loc[["cy d/x"], ["gender", "age_years"]].isna().all(axis=None)


def test_attributes_of_photos_may_state_their_own_provenance(data_dir: Path) -> None:
    (data_dir / "labels.csv").write_text(
        "path,glasses,glasses_provenance,glasses_confidence,capture_kind,mask\n"
        "bob/1.png,yes,predicted:gear,0.75,gate,no\n"
    )
    config = LABELLED.model_copy(update={"attributes_provenance": "ground_truth"})
    row = _read(data_dir, config).set_index("image_id").loc["bob/1"]
    assert (row["glasses_provenance"], row["glasses_confidence"]) == ("predicted:gear", 0.75)
    assert (row["mask_provenance"], row["capture_kind"]) == ("ground_truth", "gate")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject_id,age_years\nann,3\nbob,old\n", r"row 1 \(line 3\), column 'age_years': 'old'"),
        ("subject_id,age_years\nann,3\nbob,999\n", r"row 1 .*'age_years': 999.0 fails 'in_range"),
        ("subject_id,gender\nann,f\neve,f\n", r"row 1 .*'subject_id': 'eve' is not in the source"),
        ("subject_id,gender\nann,f\nann,m\n", r"row 1 .*'subject_id': 'ann' has a row already"),
        ("subject_id,gender\n,f\n", r"row 0 \(line 2\), column 'subject_id': .* is empty"),
        ("subject_id,gender\nann,f\n\n", r"row 1 \(line 3\), column 'subject_id': .* is empty"),
        ("path,gender\nann/9.jpg,f\n", r"row 0 .*'path': 'ann/9.jpg' is not in the source"),
        ("path,subject_id,gender\nann/1.jpg,ann,f\n", "must have one of the columns"),
        ("gender\nf\n", "must have one of the columns"),
        ("subject_id,shoe_size\nann,42\n", "column 'shoe_size' is unknown; known are age_band,"),
        ("subject_id,gender,gender\nann,f,f\n", "cannot be read as a table|is there twice"),
        ("subject_id,gender\nann\n", "Row #2: Expected 2 columns, got 1"),
        ("subject_id,mask_provenance\nann,manual\n", r"row 0 \(line 2\): mask and mask_prov"),
        ("subject_id,capture_kind\nann,selfie\n", r"row 0 .*'capture_kind': 'selfie' fails"),
        ("subject_id,true_nose_x_px\nann,4\n", r"row 0 \(line 2\): the ten true_"),
        ("", "cannot be read as a table"),
    ],
)
def test_one_broken_row_is_named_by_file_row_and_column(
    data_dir: Path, text: str, message: str
) -> None:
    (data_dir / "labels.csv").write_text(text)
    with pytest.raises((SourceError, ManifestError), match=rf"labels\.csv: .*({message})"):
        _read(data_dir, LABELLED)
    assert not (data_dir / "photos").exists()


def test_bytes_that_are_no_text_are_refused(data_dir: Path) -> None:
    (data_dir / "labels.csv").write_bytes(b"subject_id,gender\nann,\xff\xfe\n")
    with pytest.raises(SourceError, match=r"labels\.csv: cannot be read as a table"):
        _read(data_dir, LABELLED)
