"""Verification sets: crops, protocol, folds, and whom they show."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.alignment import align
from data.errors import SourceError
from data.images import decode_image
from data.manifest import SOURCE_SCHEMA, TRUE_LANDMARK_COLUMNS, landmarks_of, validate
from data.sources.base import SourceData
from data.sources.components import components
from data.sources.verification_bin import VerificationBinConfig, VerificationBinSource

NUM_PAIRS = 40
FLAGS = [True, True, False, False] * 10


def _crop(number: int, size: int = 112, suffix: str = ".jpg") -> bytes:
    image = np.random.default_rng(number).integers(0, 255, (size, size, 3), dtype=np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


@pytest.fixture(scope="module")
def crops() -> list[bytes]:
    return [_crop(number) for number in range(2 * NUM_PAIRS)]


def _silent(done: int, total: int) -> None:
    assert 0 < done <= total


def _read(
    folder: Path, images: list[bytes], flags: list[bool], unbalanced_folds: bool = False
) -> SourceData:
    (folder / "agedb_30.bin").write_bytes(pickle.dumps((images, flags), protocol=4))
    config = VerificationBinConfig(file="agedb_30.bin", unbalanced_folds=unbalanced_folds)
    source = VerificationBinSource(config, folder)
    return source.materialise(folder / "photos", 1, _silent)


def test_crops_are_rows_with_the_template_as_landmarks(tmp_path: Path, crops: list[bytes]) -> None:
    table = _read(tmp_path, crops, FLAGS).table
    validate(table, SOURCE_SCHEMA, "bin")
    assert len(table) == 2 * NUM_PAIRS
    row = table.iloc[17]
    assert (row["image_id"], row["path"]) == ("agedb_30/000017", "agedb_30/000017.jpg")
    content = (tmp_path / "photos" / row["path"]).read_bytes()
    assert content == crops[17]
    crop = decode_image(content)
    assert np.array_equal(align(crop, landmarks_of(row, TRUE_LANDMARK_COLUMNS)), crop)
    assert set(table["true_landmarks_provenance"]) == {"predicted:aligned_crop"}


def test_pairs_are_neighbours_in_ten_unshuffled_folds(tmp_path: Path, crops: list[bytes]) -> None:
    found = _read(tmp_path, crops, FLAGS)
    assert found.protocol is not None
    pairs = found.protocol.on(list(found.table["image_id"]))
    assert pairs.left.tolist() == list(range(0, 80, 2))
    assert pairs.right.tolist() == list(range(1, 80, 2))
    assert pairs.genuine.tolist() == FLAGS
    assert pairs.fold is not None
    assert pairs.fold.tolist() == np.repeat(range(10), 4).tolist()


def test_subjects_are_what_genuine_pairs_and_equal_bytes_tie(
    tmp_path: Path, crops: list[bytes]
) -> None:
    images = [*crops]
    images[6] = images[0]  # pair 3 is an impostor pair, so image 7 is somebody else
    subjects = _read(tmp_path, images, FLAGS).table["subject_id"].tolist()
    assert subjects[0] == subjects[1] == subjects[6] == "agedb_30/s000000"
    assert subjects[2] == subjects[3]
    assert len({subjects[0], subjects[2], subjects[4], subjects[5], subjects[7]}) == 5


def test_png_crops_keep_their_kind(tmp_path: Path, crops: list[bytes]) -> None:
    table = _read(tmp_path, [_crop(0, suffix=".png"), *crops[1:]], FLAGS).table
    assert table["path"][0] == "agedb_30/000000.png"


def test_unbalanced_fold_is_said(tmp_path: Path, crops: list[bytes]) -> None:
    flags = [True] * 4 + FLAGS[4:]
    with pytest.raises(SourceError, match="fold 0 holds 4 genuine of 4 pairs"):
        _read(tmp_path, crops, flags)
    assert _read(tmp_path, crops, flags, unbalanced_folds=True).protocol is not None


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (_crop(0)[:500], r"agedb_30\.bin: image 7: .*cut short|agedb_30\.bin: image 7: "),
        (b"GIF89a", r"agedb_30\.bin: image 7: the bytes are no JPEG, PNG or WebP"),
        (b"", r"agedb_30\.bin: image 7: "),
        (_crop(0, size=96), r"agedb_30\.bin: image 7 has 96 x 96 pixels"),
    ],
)
def test_wrong_image_is_named(
    tmp_path: Path, crops: list[bytes], image: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        _read(tmp_path, [*crops[:7], image, *crops[8:]], FLAGS)
    assert not (tmp_path / "photos").exists()


@given(st.integers(1, 30), st.data())
def test_components_are_those_of_a_walk(num_nodes: int, data: st.DataObject) -> None:
    node = st.integers(0, num_nodes - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=40))
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    wanted = list(range(num_nodes))
    for _ in range(num_nodes):
        for left, right in edges:
            wanted[left] = wanted[right] = min(wanted[left], wanted[right])
    assert components(num_nodes, ends[:, 0], ends[:, 1]).tolist() == wanted
