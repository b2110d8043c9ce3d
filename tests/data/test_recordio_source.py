"""A RecordIO file as a source: linked or cut down, one row for each picture of somebody."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import SourceError
from data.face import CROP_SIZE_PX, TEMPLATE_PX
from data.manifest import SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, landmarks_of, validate
from data.photos import read_photo
from data.recordio.header import pack_header
from data.recordio.index import write_index
from data.recordio.writer import LabelledPicture, RecordWriter, write_record_set
from data.sources.recordio import RecordIoConfig, RecordIoSource


def _png(grey: int, side_px: int = CROP_SIZE_PX) -> bytes:
    return cv2.imencode(".png", np.full((side_px, side_px, 3), grey, np.uint8))[1].tobytes()


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Two people with three pictures each, one with one."""
    pictures = [LabelledPicture(n // 3, _png(n * 10)) for n in range(7)]
    write_record_set(tmp_path / "ms", pictures)
    return tmp_path


def _source(data_dir: Path, **settings: int) -> RecordIoSource:
    return RecordIoSource(RecordIoConfig(file="ms/train.rec", **settings), data_dir)


def test_every_picture_gets_a_row_and_the_file_is_linked(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    table = _source(data_dir).materialise(folder, 1, _silent).table
    validate(table, SOURCE_SCHEMA, "ms")
    assert table["path"].tolist() == [f"train.rec#{key}" for key in range(1, 8)]
    assert table["subject_id"].tolist() == ["0000000"] * 3 + ["0000001"] * 3 + ["0000002"]
    assert table["image_id"].iloc[3] == "0000001/00000004"
    assert [read_photo(folder, path) for path in table["path"]] == [_png(n * 10) for n in range(7)]
    assert (folder / "train.rec").samefile(data_dir / "ms/train.rec")


def test_crops_carry_the_template_and_others_nothing(data_dir: Path, tmp_path: Path) -> None:
    pictures = [_png(1), _png(2, side_px=96), b"no picture", b""]
    write_record_set(data_dir / "ms", [LabelledPicture(0, content) for content in pictures])
    table = _source(data_dir).materialise(tmp_path / "photos", 1, _silent).table
    np.testing.assert_array_equal(
        landmarks_of(table.iloc[0], TRUE_LANDMARK_COLUMNS), TEMPLATE_PX.astype(np.float32)
    )
    assert table["true_landmarks_provenance"].iloc[0] == "predicted:aligned_crop"
    others = table.iloc[1:][[*TRUE_LANDMARK_COLUMNS, "true_landmarks_provenance"]]
    assert others.isna().all(axis=None)


def test_a_part_is_written_anew_under_the_old_keys(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    before = (data_dir / "ms/train.idx").read_bytes()
    source = _source(data_dir, max_identities=2, max_records_per_identity=2)
    table = source.materialise(folder, 1, _silent).table
    assert table["path"].tolist() == [f"train.rec#{key}" for key in (1, 2, 4, 5)]
    assert read_photo(folder, "train.rec#5") == _png(40)
    assert (folder / "train.rec").stat().st_size < (data_dir / "ms/train.rec").stat().st_size
    assert (data_dir / "ms/train.idx").read_bytes() == before
    with pytest.raises(SourceError, match="no record 3"):
        read_photo(folder, "train.rec#3")


def test_a_file_that_holds_other_than_stated_is_refused(data_dir: Path, tmp_path: Path) -> None:
    whole = _source(data_dir, stated_identities=3, stated_pictures=7, max_identities=2)
    assert len(whole.materialise(tmp_path / "photos", 1, _silent).table) == 6
    for settings, message in (
        ({"stated_pictures": 8}, r"ms/train\.rec: it holds 7 pictures and 8 are stated"),
        ({"stated_identities": 2}, "it holds 3 identities and 2 are stated"),
    ):
        with pytest.raises(SourceError, match=message):
            _source(data_dir, **settings).look()


@pytest.mark.parametrize("has_index", [True, False])
def test_a_look_finds_what_would_be_taken_and_writes_nothing(
    data_dir: Path, tmp_path: Path, has_index: bool
) -> None:
    if not has_index:
        (data_dir / "ms/train.idx").unlink()
    before = sorted(tmp_path.rglob("*"))
    file, pictures = _source(data_dir, max_identities=2).look()
    assert pictures.keys.tolist() == [1, 2, 3, 4, 5, 6]
    assert pictures.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert bytes(file.read_image(5)) == _png(40)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_lost_index_is_made_by_a_scan(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "ms/train.idx").unlink()
    table = _source(data_dir).materialise(tmp_path / "photos", 1, _silent).table
    assert table["path"].tolist() == [f"train.rec#{key}" for key in range(1, 8)]
    assert not (data_dir / "ms/train.idx").exists()


def test_nobodys_pictures_are_left_out_and_counted(
    data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = data_dir / "ms/train.rec"
    path.unlink()
    with path.open("wb") as stream:
        writer = RecordWriter(stream)
        for key, label in enumerate((-1, 4, -1, 4)):  # as im2rec: key 0 is a picture
            writer.write(key, pack_header(key, label) + _png(key))
    write_index(writer.index(path), path.with_suffix(".idx"))
    with caplog.at_level(logging.WARNING):
        table = _source(data_dir).materialise(tmp_path / "photos", 1, _silent).table
    assert table["path"].tolist() == ["train.rec#1", "train.rec#3"]
    assert "2 records have no identity" in caplog.text


def test_a_missing_cut_or_empty_file_is_named(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "ms/train.rec"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"ms/train\.rec"):
        _source(data_dir).materialise(tmp_path / "cut", 1, _silent)
    write_record_set(data_dir / "ms", [])
    with pytest.raises(SourceError, match=r"ms/train\.rec: it holds no picture"):
        _source(data_dir).materialise(tmp_path / "empty", 1, _silent)
    path.unlink()
    with pytest.raises(SourceError, match=r"ms/train\.rec: cannot be mapped"):
        _source(data_dir).materialise(tmp_path / "none", 1, _silent)
