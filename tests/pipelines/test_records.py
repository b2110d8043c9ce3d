"""Crops become a training set that other trainers read, with the labels of `curate`."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from data.alignment import align as warp
from data.face import CROP_SIZE_PX
from data.images import decode_image
from data.manifest import (
    ALIGNED_SCHEMA,
    CURATED_SCHEMA,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    landmarks_of,
    read_manifest,
    write_manifest,
)
from data.recordio.labels import read_labels
from data.recordio.reader import RecordFile
from data.sources.campus import CampusConfig, render_photo
from data.sources.recordio import RecordIoConfig, RecordIoSource
from pipelines.align import RECORDS_FOLDER, align
from pipelines.cli import app
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import load_params
from pipelines.records import write_split, write_training_records

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = ("bo", "al", "cy", "al", "bo", "di")


@pytest.fixture
def crops() -> NDArray[np.uint8]:
    """Five smooth crops, all different, with red and blue that may not be swapped."""
    small = np.random.default_rng(3).integers(0, 256, (5, 4, 4, 3), np.uint8)
    side = (CROP_SIZE_PX, CROP_SIZE_PX)
    return np.stack([cv2.resize(crop, side, interpolation=cv2.INTER_CUBIC) for crop in small])


@pytest.fixture
def table() -> pd.DataFrame:
    """Six photos, one of which has no crop."""
    index = [4, 0, -1, 1, 2, 3]
    names = [f"{person}{number}" for number, person in enumerate(PEOPLE)]
    return pd.DataFrame({"image_id": names, "subject_id": PEOPLE, "crop_index": index})


def test_png_is_the_crop_to_the_bit(
    tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]
) -> None:
    found = write_training_records(table, crops, tmp_path / "set", "png")
    assert (found.num_pictures, found.num_classes) == (5, 3)
    file = RecordFile.open(tmp_path / "set/train.rec")
    labels = read_labels(file)
    assert labels.labels.tolist() == [0, 0, 1, 1, 2]  # al, bo, di; cy has no crop
    names = pd.read_parquet(tmp_path / "set/records.parquet")
    assert names["image_id"].tolist() == ["al1", "al3", "bo0", "bo4", "di5"]
    assert names["key"].tolist() == labels.keys.tolist()
    assert names["label"].tolist() == labels.labels.tolist()
    for key, crop_index in zip(labels.keys.tolist(), (0, 1, 4, 2, 3), strict=True):
        decoded = decode_image(bytes(file.read_image(key)))
        np.testing.assert_array_equal(decoded, crops[crop_index])


def test_jpeg_is_near_and_smaller_at_lower_quality(
    tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]
) -> None:
    sizes = []
    for quality in (95, 60):
        folder = tmp_path / str(quality)
        write_training_records(table, crops, folder, "jpeg", quality)
        decoded = decode_image(bytes(RecordFile.open(folder / "train.rec").read_image(1)))
        assert np.abs(decoded.astype(int) - crops[0]).mean() < 8
        sizes.append((folder / "train.rec").stat().st_size)
    assert sizes[0] > sizes[1]


def test_what_is_written_is_a_source_again(
    tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]
) -> None:
    write_training_records(table, crops, tmp_path / "set", "png")
    source = RecordIoSource(RecordIoConfig(file="set/train.rec"), tmp_path)
    again = source.materialise(tmp_path / "photos", 1, lambda _done, _total: None).table
    assert len(again) == 5
    assert again["true_landmarks_provenance"].eq("predicted:aligned_crop").all()


def test_a_folder_of_others_is_not_replaced(
    tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("years of work")
    with pytest.raises(StageError, match=r"thesis\.tex"):
        write_training_records(table, crops, tmp_path / "home", "png")
    for _ in range(2):  # our own is
        write_training_records(table, crops, tmp_path / "set", "png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "set"]


def test_nothing_to_write_is_said(
    tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]
) -> None:
    with pytest.raises(StageError, match="there is no crop to write"):
        write_training_records(table[table["crop_index"] < 0], crops, tmp_path / "set", "png")
    assert not (tmp_path / "set").exists()


@pytest.fixture
def layout(tmp_path: Path, table: pd.DataFrame, crops: NDArray[np.uint8]) -> Layout:
    """A working tree after `curate`: di is in the test split, and bo is not trained on."""
    layout = Layout(tmp_path)
    layout.crops.parent.mkdir(parents=True)
    np.save(layout.crops, crops)
    curated = pd.DataFrame({name: [None] * len(table) for name in CURATED_SCHEMA.columns})
    curated = curated.assign(**table, path=table["image_id"], sampling_weight=1.0)
    curated["reject_reason"] = table["crop_index"].map({-1: "no_face"})
    curated["split"] = ["train"] * 5 + ["test"]
    curated["label"] = [-1, 0, -1, 0, -1, -1]
    write_manifest(curated, layout.curated_manifest, CURATED_SCHEMA)
    return layout


@pytest.mark.parametrize(("split", "names"), [("train", ["al1", "al3"]), ("test", ["di5"])])
def test_a_split_is_the_people_who_are_trained_on(
    layout: Layout, tmp_path: Path, split: str, names: list[str]
) -> None:
    assert write_split(layout, split, tmp_path / "out", "png").num_classes == 1
    assert pd.read_parquet(tmp_path / "out/records.parquet")["image_id"].tolist() == names


def test_the_command_writes_a_split(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layout.root)
    answer = CliRunner().invoke(app, ["records", "out", "--encoding", "jpeg", "--quality", "80"])
    assert (answer.exit_code, answer.output) == (0, "out: 2 pictures, 1 people\n")
    assert (layout.root / "out/property").read_text() == "1,112,112\n"


def test_an_unknown_split_or_lost_crops_are_named(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="there is no split 'exam'"):
        write_split(layout, "exam", tmp_path / "out", "png")
    layout.crops.unlink()
    with pytest.raises(StageError, match=r"crops_rgb_u8\.npy: cannot be read"):
        write_split(layout, "train", tmp_path / "out", "png")


def test_crops_go_through_the_stages_to_the_bit(tmp_path: Path) -> None:
    """Written, read as a source, aligned by the template, and written again."""
    campus = CampusConfig(num_subjects=2, photos_per_subject=3, sibling_share=0.0)
    photos = [render_photo(campus, index) for index in range(campus.num_photos)]
    drawn = pd.DataFrame([row for _, row in photos]).assign(crop_index=range(len(photos)))
    crops = np.stack(
        [
            warp(decode_image(content), landmarks_of(row, TRUE_LANDMARK_COLUMNS))
            for (content, _), (_, row) in zip(photos, drawn.iterrows(), strict=True)
        ]
    )
    write_training_records(drawn, crops, tmp_path / "set", "png")

    layout = Layout(tmp_path)
    source = RecordIoSource(RecordIoConfig(file="set/train.rec"), tmp_path)
    found = source.materialise(layout.photos, 1, lambda _done, _total: None)
    write_manifest(found.table, layout.source_manifest, SOURCE_SCHEMA)
    params = load_params(ROOT / "params.yaml")
    settings = params.align.model_copy(update={"landmarks": "given", "records": "png"})
    align(params.model_copy(update={"align": settings}), layout)

    manifest = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
    taken = manifest["reject_reason"].isna().to_numpy()
    assert taken.sum() >= 3  # the quality policy may refuse the worst of them
    first, last = (
        RecordFile.open(f / "train.rec")
        for f in (tmp_path / "set", layout.aligned / RECORDS_FOLDER)
    )
    before = [bytes(picture) for picture in first.read_batch(read_labels(first).keys)]
    after = [bytes(picture) for picture in last.read_batch(read_labels(last).keys)]
    assert after == [content for content, is_taken in zip(before, taken, strict=True) if is_taken]
