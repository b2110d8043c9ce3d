"""LFW as a source, on a small folder of the same form."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import SourceError
from data.manifest import SOURCE_SCHEMA, validate
from data.sources.lfw import GENDER_PROVENANCE, LfwConfig, LfwSource


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
    (tmp_path / "lfw/meta.csv").write_text(
        "path,identity,gender\nx,Ann_One,female\ny,Bob_Two,male\nz,Cy_Three,\n"
    )
    return tmp_path


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def test_every_photo_gets_a_row_and_a_copy(data_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "photos"
    table = LfwSource(LfwConfig(), data_dir).materialise(target, 1, _silent)
    validate(table, SOURCE_SCHEMA, "lfw")
    assert list(table["image_id"]) == [
        "Ann_One_0001",
        "Ann_One_0002",
        "Bob_Two_0001",
        "Cy_Three_0001",
    ]
    assert all((target / path).is_file() for path in table["path"])


def test_labels_of_third_parties_are_marked_so(data_dir: Path, tmp_path: Path) -> None:
    table = LfwSource(LfwConfig(), data_dir).materialise(tmp_path / "photos", 1, _silent)
    by_id = table.set_index("image_id")
    assert by_id.loc["Ann_One_0002", "gender"] == "feminine"
    assert by_id.loc["Bob_Two_0001", "gender_provenance"] == GENDER_PROVENANCE
    assert by_id.loc[["Cy_Three_0001"], ["gender", "gender_provenance"]].isna().all(axis=None)


def test_missing_folder_and_missing_photo_are_named(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no photos"):
        LfwSource(LfwConfig(folder="nowhere"), data_dir).materialise(tmp_path / "p", 1, _silent)
    (data_dir / "lfw/images/Bob_Two/Bob_Two_0001.jpg").unlink()
    with pytest.raises(SourceError, match="Bob_Two_0001"):
        LfwSource(LfwConfig(), data_dir).materialise(tmp_path / "p", 1, _silent)
