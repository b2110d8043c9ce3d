"""Stage `align` on drawn students and on crops that are aligned already."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from data.alignment import align as warp
from data.detection.config import FacePolicy, MtcnnConfig
from data.detection.mtcnn_weights import build_mtcnn
from data.errors import SourceError
from data.face import TEMPLATE_PX, LandmarksPx, RgbU8
from data.images import decode_image
from data.manifest import (
    ALIGNED_SCHEMA,
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    QUALITY_COLUMNS,
    SOURCE_SCHEMA,
    TRUE_LANDMARK_COLUMNS,
    landmarks_of,
    read_manifest,
    with_source_columns,
    write_manifest,
)
from data.quality_policy import NO_QUALITY_POLICY, QualityPolicy
from data.sources.campus import CampusConfig, render_photo
from pipelines.align import align, photo_tasks
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.params import Params, load_params
from pipelines.photo_aligner import (
    AlignSettings,
    PhotoAligner,
    PhotoTask,
    box_of_crop,
    cut_crop,
    look_at_all,
)

ROOT = Path(__file__).resolve().parents[2]
CAMPUS = CampusConfig(num_subjects=3, photos_per_subject=4, sibling_share=0.0)


def _png(image_rgb_u8: RgbU8) -> bytes:
    ok, encoded = cv2.imencode(".png", cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR))
    assert ok
    return bytes(encoded.tobytes())


def _params(**align_params: object) -> Params:
    params = load_params(ROOT / "params.yaml")
    return params.model_copy(update={"align": params.align.model_copy(update=align_params)})


def _write(folder: Path, photos: dict[str, bytes], table: pd.DataFrame) -> Layout:
    layout = Layout(folder)
    for path, content in photos.items():
        place = layout.photos / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    write_manifest(with_source_columns(table), layout.source_manifest, SOURCE_SCHEMA)
    return layout


@pytest.fixture(scope="session")
def drawn() -> list[tuple[bytes, dict[str, object]]]:
    return [render_photo(CAMPUS, index) for index in range(CAMPUS.num_photos)]


@pytest.fixture
def campus(tmp_path: Path, drawn: list[tuple[bytes, dict[str, object]]]) -> Layout:
    """Drawn students, one photo of nobody, one that is no picture."""
    photos = {str(row["path"]): content for content, row in drawn}
    table = pd.DataFrame([row for _, row in drawn])
    photos["nobody.png"] = _png(np.full((120, 160, 3), 90, np.uint8))
    photos["broken.jpg"] = drawn[0][0][:500]
    extra = pd.DataFrame(
        {"image_id": ["nobody", "broken"], "subject_id": "x", "path": ["nobody.png", "broken.jpg"]}
    )
    whole = pd.concat([table, with_source_columns(extra)], ignore_index=True)
    return _write(tmp_path, photos, whole)


def test_every_photo_has_a_crop_or_a_reason(campus: Layout) -> None:
    align(_params(), campus)
    table = read_manifest(campus.aligned_manifest, ALIGNED_SCHEMA)
    crops = np.load(campus.crops, mmap_mode="r")
    reasons = dict(zip(table["image_id"], table["reject_reason"], strict=True))
    assert reasons["nobody"] == "no_face"
    assert reasons["broken"] == "undecodable_image"
    accepted = table[table["reject_reason"].isna()]
    assert len(accepted) == len(crops) >= 0.8 * CAMPUS.num_photos
    assert accepted["crop_index"].tolist() == list(range(len(crops)))
    for _, row in accepted.iterrows():
        image = decode_image((campus.photos / row["path"]).read_bytes())
        np.testing.assert_array_equal(crops[row["crop_index"]], warp(image, landmarks_of(row)))
    assert accepted[[*LANDMARK_COLUMNS, *BOX_COLUMNS, *QUALITY_COLUMNS]].notna().all(axis=None)
    figures = pd.read_json(campus.metrics("align"), typ="series")
    assert figures["num_photos"] == len(table)
    assert figures["rejected"]["no_face"] == 1
    assert figures["landmark_error_of_eye_distance_median"] < 0.1


def test_a_photo_of_poor_quality_keeps_its_figures(campus: Layout) -> None:
    """Thresholds can be studied on what they rejected."""
    nobody_passes = QualityPolicy(min_yaw=100.0, min_pitch=100.0, min_sharpness=100.0)
    align(_params(quality_policy=nobody_passes), campus)
    table = read_manifest(campus.aligned_manifest, ALIGNED_SCHEMA)
    judged = table[~table["image_id"].isin(["nobody", "broken"])]
    assert len(np.load(campus.crops)) == 0
    assert judged["reject_reason"].notna().all()
    assert judged[list(QUALITY_COLUMNS)].notna().all(axis=None)
    assert judged[list(LANDMARK_COLUMNS)].notna().all(axis=None)


def _settings(photos: Path, networks: Path) -> AlignSettings:
    return AlignSettings(photos, networks, MtcnnConfig(), FacePolicy(), QualityPolicy())


def test_processes_find_what_one_finds(campus: Layout, tmp_path: Path) -> None:
    build_mtcnn(tmp_path / "detector")
    tasks = list(photo_tasks(read_manifest(campus.source_manifest, SOURCE_SCHEMA)))
    settings = _settings(campus.photos, tmp_path / "detector")
    done: list[int] = []
    alone = list(look_at_all(tasks, settings, 1, done.append))
    several = list(look_at_all(tasks, settings, 2, done.append))
    assert done == [*range(1, len(tasks) + 1)] * 2
    for one, other in zip(alone, several, strict=True):
        assert (one.reject_reason, one.quality) == (other.reject_reason, other.quality)
        np.testing.assert_array_equal(one.crop_rgb_u8, other.crop_rgb_u8)


def test_a_photo_that_is_gone_is_an_error_and_no_reject(campus: Layout) -> None:
    (campus.photos / "nobody.png").unlink()
    with pytest.raises(SourceError, match=r"nobody\.png"):
        align(_params(), campus)
    assert not campus.aligned.exists()


def _crop_rows(count: int, landmarks_px: LandmarksPx) -> pd.DataFrame:
    names = [f"c{index}" for index in range(count)]
    table = pd.DataFrame(
        {"image_id": names, "subject_id": names, "path": [f"{name}.png" for name in names]}
    )
    points = dict(zip(TRUE_LANDMARK_COLUMNS, landmarks_px.reshape(-1).tolist(), strict=True))
    return table.assign(**points, true_landmarks_provenance="predicted:aligned_crop")


@pytest.fixture
def crops(drawn: list[tuple[bytes, dict[str, object]]]) -> list[RgbU8]:
    found = []
    for content, row in drawn[:6]:
        points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
        found.append(warp(decode_image(content), points))
    return found


def test_aligned_crops_pass_bit_by_bit(tmp_path: Path, crops: list[RgbU8]) -> None:
    photos = {f"c{index}.png": _png(crop) for index, crop in enumerate(crops)}
    layout = _write(tmp_path, photos, _crop_rows(len(crops), TEMPLATE_PX))
    align(_params(landmarks="given", quality_policy=NO_QUALITY_POLICY), layout)
    table = read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)
    assert table["reject_reason"].isna().all()
    np.testing.assert_array_equal(np.load(layout.crops), np.stack(crops))
    np.testing.assert_allclose(table[list(BOX_COLUMNS)], [[0, 0, 112, 112]] * len(crops), atol=1e-3)
    assert (table["detection_score"] == 1.0).all()
    assert {path.name for path in layout.detector.iterdir()} == {
        "pnet.onnx",
        "rnet.onnx",
        "onet.onnx",
    }


def test_the_score_that_came_with_the_landmarks_is_kept(tmp_path: Path, crops: list[RgbU8]) -> None:
    photos = {f"c{index}.png": _png(crop) for index, crop in enumerate(crops)}
    table = _crop_rows(len(crops), TEMPLATE_PX).assign(true_landmarks_confidence=0.875)
    layout = _write(tmp_path, photos, table)
    align(_params(landmarks="given", quality_policy=NO_QUALITY_POLICY), layout)
    assert (
        read_manifest(layout.aligned_manifest, ALIGNED_SCHEMA)["detection_score"] == 0.875
    ).all()


def test_given_landmarks_must_be_given(tmp_path: Path, crops: list[RgbU8]) -> None:
    table = _crop_rows(1, TEMPLATE_PX)
    bare = table[["image_id", "subject_id", "path"]]
    layout = _write(tmp_path, {"c0.png": _png(crops[0])}, bare)
    with pytest.raises(StageError, match=r"gives no landmarks; set align\.landmarks"):
        align(_params(landmarks="given"), layout)


def test_a_photo_without_given_landmarks_is_rejected(tmp_path: Path, crops: list[RgbU8]) -> None:
    (tmp_path / "c0.png").write_bytes(_png(crops[0]))
    settings = replace(_settings(tmp_path, tmp_path), detector=None)
    assert PhotoAligner(settings).look(PhotoTask("c0.png", None, 1.0)).reject_reason == "no_face"


def test_records_are_written_on_request(campus: Layout) -> None:
    align(_params(records="png"), campus)
    names = {path.name for path in (campus.aligned / "records").iterdir()}
    assert {"train.rec", "train.idx", "property"} <= names


def test_a_crop_is_cut_anew_where_landmarks_are_elsewhere(crops: list[RgbU8]) -> None:
    assert cut_crop(crops[0], TEMPLATE_PX) is crops[0]
    moved = cut_crop(crops[0], TEMPLATE_PX + np.float32(3))
    np.testing.assert_array_equal(moved, warp(crops[0], TEMPLATE_PX + np.float32(3)))


def test_the_box_of_a_crop_follows_the_landmarks() -> None:
    x0, y0, x1, y1 = box_of_crop(TEMPLATE_PX * 2 + np.float32(10))
    expected = np.array([-0.5, -0.5, 111.5, 111.5]) * 2 + 10 + 0.5
    np.testing.assert_allclose([x0, y0, x1, y1], expected, atol=1e-3)


def test_given_landmarks_that_span_no_face_are_a_reason(tmp_path: Path, crops: list[RgbU8]) -> None:
    (tmp_path / "c0.png").write_bytes(_png(crops[0]))
    any_size = FacePolicy(min_eye_distance_px=0, max_nose_offset=1e9)
    settings = replace(_settings(tmp_path, tmp_path), detector=None, face_policy=any_size)
    points = np.full((5, 2), 40, np.float32)
    points[1, 0] += np.float32(1e-4)
    found = PhotoAligner(settings).look(PhotoTask("c0.png", points, 1.0))
    assert found.reject_reason == "face_too_small"
