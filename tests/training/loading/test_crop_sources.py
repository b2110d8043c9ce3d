from pathlib import Path

import cv2
import numpy as np
import pytest

from data.recordio.header import pack_header
from data.recordio.index import write_index
from data.recordio.labels import read_labels
from data.recordio.reader import RecordFile
from data.recordio.writer import (
    INDEX_FILE,
    RECORDS_FILE,
    LabelledPicture,
    RecordWriter,
    write_record_set,
)
from training.errors import TrainingDataError
from training.loading.arrays import CropsU8
from training.loading.crop_sources import PackedCrops, open_crops
from training.loading.record_crops import RecordCrops


@pytest.fixture(scope="module")
def crops_rgb_u8() -> CropsU8:
    crops: CropsU8 = np.random.default_rng(0).integers(0, 256, (12, 112, 112, 3), np.uint8)
    return crops


def _encoded(crop_rgb_u8: CropsU8, suffix: str = ".png") -> bytes:
    content: bytes = cv2.imencode(suffix, np.ascontiguousarray(crop_rgb_u8[:, :, ::-1]))[
        1
    ].tobytes()
    return content


def _records(folder: Path, payloads: dict[int, bytes]) -> RecordFile:
    """A file of records with label 0 and any bytes for pictures."""
    with (folder / RECORDS_FILE).open("wb") as stream:
        writer = RecordWriter(stream)
        for key, content in payloads.items():
            writer.write(key, pack_header(key, 0) + content)
    write_index(writer.index(folder / RECORDS_FILE), folder / INDEX_FILE)
    return RecordFile.open(folder / RECORDS_FILE)


ROWS = np.array([7, 0, 11, 7, 3])


def test_packed_crops_of_memory_and_of_a_file(tmp_path: Path, crops_rgb_u8: CropsU8) -> None:
    path = tmp_path / "crops.npy"
    np.save(path, crops_rgb_u8)
    assert isinstance(open_crops(path), np.memmap)
    for source in (PackedCrops(crops_rgb_u8), PackedCrops.open(path)):
        assert len(source) == 12
        assert (source.read(ROWS) == crops_rgb_u8[ROWS]).all()
        into = np.zeros((7, 112, 112, 3), np.uint8)
        source.read_into(ROWS, into[1:6])
        assert (into[1:6] == crops_rgb_u8[ROWS]).all()
        assert not into[[0, 6]].any()
        assert source.read(ROWS[:0]).shape == (0, 112, 112, 3)


@pytest.mark.parametrize("row", [-1, 12])
def test_rows_beyond_the_crops_are_no_crops(crops_rgb_u8: CropsU8, row: int) -> None:
    with pytest.raises(IndexError):
        PackedCrops(crops_rgb_u8).read(np.array([3, row]))


def test_packed_crops_are_crops() -> None:
    with pytest.raises(TrainingDataError, match="float32"):
        PackedCrops(np.zeros((2, 112, 112, 3), np.float32))
    with pytest.raises(TrainingDataError, match="96"):
        PackedCrops(np.zeros((2, 96, 112, 3), np.uint8))


def test_png_records_are_the_packed_crops_to_the_bit(tmp_path: Path, crops_rgb_u8: CropsU8) -> None:
    pictures = [LabelledPicture(row // 3, _encoded(crop)) for row, crop in enumerate(crops_rgb_u8)]
    write_record_set(tmp_path / "set", pictures)
    file = RecordFile.open(tmp_path / "set" / RECORDS_FILE)
    found = read_labels(file)
    source = RecordCrops(file, found.keys)
    assert len(source) == 12
    assert found.labels.tolist() == [row // 3 for row in range(12)]
    assert (source.read(ROWS) == PackedCrops(crops_rgb_u8).read(ROWS)).all()


def test_jpeg_records_are_what_the_decoder_makes(tmp_path: Path, crops_rgb_u8: CropsU8) -> None:
    smooth = cv2.GaussianBlur(crops_rgb_u8[0], (0, 0), 5)
    content = _encoded(smooth, ".jpg")
    crop = RecordCrops(_records(tmp_path, {5: content}), np.array([5])).read(np.array([0]))[0]
    bgr = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
    assert (crop == bgr[:, :, ::-1]).all()
    assert np.abs(crop.astype(int) - smooth).mean() < 3


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no JPEG"),
        (b"GIF89a and so on", "no JPEG"),
        (_encoded(np.full((112, 112, 3), 9, np.uint8))[:-20], "cut short"),
        (_encoded(np.full((112, 112, 3), 9, np.uint8), ".jpg")[:-20], "cut short"),
        (_encoded(np.full((96, 112, 3), 9, np.uint8)), "112 x 96"),
    ],
)
def test_a_record_that_is_no_crop_is_named(
    tmp_path: Path, crops_rgb_u8: CropsU8, content: bytes, problem: str
) -> None:
    good = _encoded(crops_rgb_u8[0])
    file = _records(tmp_path, {4: good, 9: content, 20: good})
    source = RecordCrops(file, np.array([4, 9, 20]))
    assert (source.read(np.array([0, 2])) == crops_rgb_u8[0]).all()
    with pytest.raises(TrainingDataError, match=rf"train\.rec, record 9: .*{problem}.*fetch"):
        source.read(np.array([0, 1, 2]))


def test_a_record_whose_container_is_broken_is_named(tmp_path: Path, crops_rgb_u8: CropsU8) -> None:
    """Opening looks at some records only; here it has looked before one breaks."""
    contents = {key: _encoded(crops_rgb_u8[0]) for key in range(5)}
    file = _records(tmp_path, contents)
    offset = int(file.index.offsets[3])
    content = bytearray((tmp_path / RECORDS_FILE).read_bytes())
    content[offset : offset + 4] = b"gone"
    with (tmp_path / RECORDS_FILE).open("r+b") as stream:  # in place, as it is mapped
        stream.write(content)
    with pytest.raises(TrainingDataError, match=r"train\.rec, record 3: .*fetch"):
        RecordCrops(file, np.arange(5)).read(np.array([1, 3]))


def test_keys_of_another_file_are_refused(tmp_path: Path, crops_rgb_u8: CropsU8) -> None:
    file = _records(tmp_path, {4: _encoded(crops_rgb_u8[0])})
    with pytest.raises(TrainingDataError, match="no record 5"):
        RecordCrops(file, np.array([4, 5]))


def test_open_crops_refuses_what_is_no_crops(tmp_path: Path) -> None:
    path = tmp_path / "crops_rgb_u8.npy"
    with pytest.raises(TrainingDataError, match="align"):
        open_crops(path)
    np.save(path, np.zeros((2, 112, 112, 3), np.float32))
    with pytest.raises(TrainingDataError, match="float32"):
        open_crops(path)
    np.save(path, np.zeros((2, 96, 112, 3), np.uint8))
    with pytest.raises(TrainingDataError, match="96"):
        open_crops(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(TrainingDataError):
        open_crops(path)
    np.save(path, np.zeros((9, 112, 112, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TrainingDataError):
        open_crops(path)
