"""LFW as a source, on a small folder of the same form."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, landmarks_of, validate
from data.sources.base import SourceData
from data.sources.lfw import LfwConfig, LfwSource
from data.sources.lfw_labels import GENDER_PROVENANCE, LANDMARKS_PROVENANCE

META = """path,identity,gender,xle,yle,xre,yre,xno,yno,xlm,ylm,xrm,yrm
images/Ann_One/Ann_One_0001.jpg,Ann_One,female,1,2,3,4,5,6,7,8,9,10.5
images/Bob_Two/Bob_Two_0001.jpg,Bob_Two,male,,,,,,,,,,
images/Cy_Three/Cy_Three_0001.jpg,Cy_Three,,,,,,,,,,,
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for person, count in (("Ann_One", 2), ("Bob_Two", 1), ("Cy_Three", 1)):
        folder = tmp_path / "lfw/images" / person
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            cv2.imwrite(
                str(folder / f"{person}_{number:04d}.jpg"), np.full((8, 8, 3), 90, np.uint8)
            )
    (tmp_path / "lfw/pairs.txt").write_text("1\t1\nAnn_One\t1\t2\nAnn_One\t1\tBob_Two\t1\n")
    (tmp_path / "lfw/meta.csv").write_text(META)
    return tmp_path


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _materialise(data_dir: Path, folder: str = "lfw") -> SourceData:
    source = LfwSource(LfwConfig(folder=folder), data_dir)
    return source.materialise(data_dir / "photos", 2, _silent)


def test_every_photo_gets_a_row_and_a_copy(data_dir: Path) -> None:
    table = _materialise(data_dir).table
    validate(table, SOURCE_SCHEMA, "lfw")
    assert list(table["image_id"]) == [
        "Ann_One_0001",
        "Ann_One_0002",
        "Bob_Two_0001",
        "Cy_Three_0001",
    ]
    for path in table["path"]:
        copy, original = data_dir / "photos" / path, data_dir / "lfw/images" / path
        assert copy.read_bytes() == original.read_bytes()


def test_official_pairs_are_the_protocol(data_dir: Path) -> None:
    found = _materialise(data_dir)
    assert found.protocol is not None
    assert found.protocol.left_ids.tolist() == ["Ann_One_0001", "Ann_One_0001"]
    assert found.protocol.right_ids.tolist() == ["Ann_One_0002", "Bob_Two_0001"]
    assert found.protocol.subjects_in(found.table) == {"Ann_One", "Bob_Two"}


def test_labels_of_third_parties_are_marked_so(data_dir: Path) -> None:
    by_id = _materialise(data_dir).table.set_index("image_id")
    assert by_id.loc["Ann_One_0002", "gender"] == "feminine"
    assert by_id.loc["Bob_Two_0001", "gender_provenance"] == GENDER_PROVENANCE
    assert by_id.loc[["Cy_Three_0001"], ["gender", "gender_provenance"]].isna().all(axis=None)


def test_landmarks_of_a_photo_are_its_own_and_predicted(data_dir: Path) -> None:
    table = _materialise(data_dir).table
    known = table.iloc[0]
    assert known["image_id"] == "Ann_One_0001"
    assert known["true_landmarks_provenance"] == LANDMARKS_PROVENANCE
    wanted = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10.5]]
    assert landmarks_of(known, TRUE_LANDMARK_COLUMNS).tolist() == wanted
    others = table.iloc[1:]
    assert others[[*TRUE_LANDMARK_COLUMNS, "true_landmarks_provenance"]].isna().all(axis=None)


def test_labels_may_be_absent(data_dir: Path) -> None:
    (data_dir / "lfw/meta.csv").unlink()
    assert _materialise(data_dir).table["gender"].isna().all()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("10.5", "ten", r"meta\.csv: row 0 \(line 2\), column 'yrm': 'ten' is no number"),
        (",male,", ",man,", r"meta\.csv: row 1 \(line 3\), column 'gender': 'man' is none of"),
        ("Cy_Three_0001.jpg,Cy_Three", "Cy_Three_0001.jpg,", r"row 2 .*'identity'.* is empty"),
        ("images/Cy_Three/Cy_Three", "images/Bob_Two/Bob_Two", r"row 2 .*'path'.* repeated"),
        ("path,", "file,", r"column 'path' is missing"),
        ("9,10.5", "9", r"meta\.csv.*Row #2: Expected 13 columns, got 12"),
    ],
)
def test_wrong_label_is_named(data_dir: Path, before: str, after: str, message: str) -> None:
    (data_dir / "lfw/meta.csv").write_text(META.replace(before, after))
    with pytest.raises(SourceError, match=message):
        _materialise(data_dir)


def test_missing_folder_and_missing_photo_are_named(data_dir: Path) -> None:
    with pytest.raises(SourceError, match="holds no photos"):
        _materialise(data_dir, "nowhere")
    (data_dir / "lfw/images/Bob_Two/Bob_Two_0001.jpg").unlink()
    with pytest.raises(SourceError, match="Bob_Two_0001"):
        _materialise(data_dir)
