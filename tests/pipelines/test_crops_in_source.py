"""Millions of crops stay in the records they came in: `align.crops: source` from end to end."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from data.images import decode_image
from data.manifest import (
    ALIGNED_SCHEMA,
    BOX_COLUMNS,
    CURATED_SCHEMA,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    read_manifest,
)
from data.photos import read_photo
from data.recordio.writer import LabelledPicture, write_record_set
from pipelines.align import align
from pipelines.aligned_crops import open_aligned_crops
from pipelines.crop_records import crop_records, read_crop_records, write_crop_records
from pipelines.curate import curate
from pipelines.errors import ParamsError, StageError
from pipelines.ingest import ingest
from pipelines.layout import Layout
from pipelines.overlays import load_recipe
from pipelines.params import Params
from pipelines.records import write_split
from pipelines.training_inputs import read_inputs

ROOT = Path(__file__).resolve().parents[2]
NUM_PEOPLE, NUM_EACH = 12, 5


def _crops() -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (NUM_PEOPLE * NUM_EACH, 14, 14, 3), np.uint8)
    return np.stack([cv2.resize(crop, (112, 112)) for crop in coarse])


def _pictures(side_px: int = 112) -> Iterator[LabelledPicture]:
    for number, crop in enumerate(_crops()):
        picture = cv2.resize(crop, (side_px, side_px))
        content = cv2.imencode(".jpg", picture)[1].tobytes()
        yield LabelledPicture(number // NUM_EACH, content)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A set in the layout of MS1MV3 at hand, and nothing done with it yet."""
    write_record_set(tmp_path / "sets/own", _pictures())
    monkeypatch.setenv("EXAMGATE_DATA_DIR", str(tmp_path / "sets"))
    return Layout(tmp_path / "tree")


def recipe(folder: Path, text: str = "") -> Params:
    """The recipe of one's own set, with shares for so few people."""
    path = folder / "recipe.yaml"
    shares = "{train_share: 0.5, calibration_share: 0.25, test_share: 0.25}"
    path.write_text(f"extends: {ROOT}/params/r50.yaml\ncurate: {{splits: {shares}}}\n{text}")
    return load_recipe(path)


def _measured(folder: Path) -> Params:
    return recipe(folder, "align: {quality: measured}\n")


def test_nothing_is_decoded_and_nothing_copied(layout: Layout, tmp_path: Path) -> None:
    params = recipe(tmp_path)
    ingest(params, layout)
    align(params, layout)
    table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
    assert table["crop_index"].tolist() == list(range(NUM_PEOPLE * NUM_EACH))
    assert table[list(QUALITY_COLUMNS)].isna().all(axis=None)
    assert table[list(LANDMARK_COLUMNS)].notna().all(axis=None)
    np.testing.assert_allclose(table[list(BOX_COLUMNS)].iloc[0], [0, 0, 112, 112], atol=1e-3)
    assert [path.name for path in layout.crops_folder.iterdir()] == ["records.npz"]
    assert layout.crop_records.stat().st_size < 10_000


def test_measured_and_skipped_find_the_same_faces(layout: Layout, tmp_path: Path) -> None:
    ingest(recipe(tmp_path), layout)
    found = []
    for params in (recipe(tmp_path), _measured(tmp_path)):
        align(params, layout)
        table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
        found.append((table, read_crop_records(layout.crop_records).keys))
    (skipped, keys), (measured, measured_keys) = found
    assert measured["quality"].notna().all()
    np.testing.assert_array_equal(keys, measured_keys)
    columns = [name for name in table if name not in QUALITY_COLUMNS]
    for name in columns:
        if skipped[name].dtype == float:
            np.testing.assert_allclose(skipped[name], measured[name], rtol=1e-6, atol=1e-6)
        else:
            assert skipped[name].equals(measured[name]), name


def test_training_reads_the_crops_of_its_people(layout: Layout, tmp_path: Path) -> None:
    params = recipe(tmp_path)
    for stage in (ingest, align, curate):
        stage(params, layout)
    data = read_inputs(layout).data
    data.check()
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    rows = np.flatnonzero(data.labels >= 0)
    assert 0 < len(rows) < len(table)
    pictures = [decode_image(read_photo(layout.photos, p)) for p in table["path"].iloc[rows]]
    np.testing.assert_array_equal(data.crops.read(rows), np.stack(pictures))
    assert (table["split"].iloc[rows] == "train").all()
    np.testing.assert_array_equal(data.labels[rows], table["label"].iloc[rows])


def test_packed_crops_are_the_same_crops(layout: Layout, tmp_path: Path) -> None:
    ingest(recipe(tmp_path), layout)
    rows = np.arange(NUM_PEOPLE * NUM_EACH)
    read = []
    for text in ("", "align: {crops: packed, quality: measured}\n"):
        align(recipe(tmp_path, text), layout)
        read.append(open_aligned_crops(layout).read(rows))
    assert layout.crops.exists()
    np.testing.assert_array_equal(read[0], read[1])


def test_a_picture_that_is_no_crop_is_rejected_either_way(layout: Layout, tmp_path: Path) -> None:
    pictures = list(_pictures())
    pictures[7] = LabelledPicture(1, cv2.imencode(".jpg", np.zeros((96, 96, 3)))[1].tobytes())
    write_record_set(tmp_path / "sets/own", pictures)
    ingest(recipe(tmp_path), layout)
    for params in (recipe(tmp_path), _measured(tmp_path)):
        align(params, layout)
        table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
        assert table.loc[table["reject_reason"].notna(), "reject_reason"].to_dict() == {
            7: "no_face"
        }
        keys = read_crop_records(layout.crop_records).keys.tolist()
        assert keys == [*range(1, 8), *range(9, len(table) + 1)]
        assert table["crop_index"].tolist() == [*range(7), -1, *range(7, len(keys))]


def test_a_set_without_crops_has_nothing_to_train_on(layout: Layout, tmp_path: Path) -> None:
    write_record_set(tmp_path / "sets/own", _pictures(side_px=96))
    ingest(recipe(tmp_path), layout)
    with pytest.raises(StageError, match=r"gives no landmarks; set align\.landmarks"):
        align(recipe(tmp_path), layout)
    assert not layout.aligned.exists()


def test_a_policy_that_refuses_the_template_refuses_all(layout: Layout, tmp_path: Path) -> None:
    params = recipe(tmp_path, "align: {face_policy: {min_eye_distance_px: 80.0}}\n")
    ingest(params, layout)
    with pytest.raises(StageError, match="there is no crop"):
        align(params, layout)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("landmarks: detected", "crops: source needs landmarks: given"),
        ("records: png", "crops: source needs landmarks: given and records: none"),
        ("crops: packed", "quality: skipped needs crops: source"),
        ("quality_policy: {min_sharpness: 5.0}", r"quality_policy with every min_\* at 0"),
    ],
)
def test_settings_that_do_not_go_together_name_their_keys(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ParamsError, match=rf"align: .*{message}"):
        recipe(tmp_path, f"align: {{{text}}}\n")


def test_other_trainers_are_sent_to_the_source(layout: Layout, tmp_path: Path) -> None:
    params = recipe(tmp_path)
    for stage in (ingest, align, curate):
        stage(params, layout)
    with pytest.raises(StageError, match=r"align\.crops: source"):
        write_split(layout, "train", tmp_path / "out", "png")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "there is no crop"),
        (["a/b.jpg"], r"a/b\.jpg is no record of a \.rec file"),
        (["a.rec#1", "b.rec#2"], r"b\.rec#2 is no record of a\.rec"),
    ],
)
def test_crops_are_records_of_one_file(paths: list[str], message: str) -> None:
    with pytest.raises(StageError, match=message):
        crop_records(paths)


def test_a_list_of_records_that_is_lost_or_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "crops/records.npz"
    with pytest.raises(StageError, match=r"crops: cannot be read.*dvc repro align"):
        read_crop_records(path)
    path.parent.mkdir()
    write_crop_records(crop_records(["x.rec#3", "x.rec#1"]), path)
    assert read_crop_records(path).keys.tolist() == [3, 1]
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(StageError, match=r"crops: cannot be read"):
        read_crop_records(path)
