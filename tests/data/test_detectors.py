"""Every detector behind the one protocol, each with its real networks."""

import csv
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data.detection.base import Detector
from data.detection.config import (
    DetectorConfig,
    FacePolicy,
    MtcnnConfig,
    RetinafaceConfig,
    ScrfdConfig,
    YunetConfig,
)
from data.detection.factory import open_detector
from data.detection.pinned import NETWORK_SHA256, network_files
from data.detection.selection import select_face
from data.errors import WeightsError
from data.face import DetectedFace, LandmarksPx, eye_distance_px
from data.files import sha256_file
from data.images import decode_image

Draw = Callable[..., Any]
CONFIGS: dict[str, DetectorConfig] = {
    "mtcnn": MtcnnConfig(),
    "yunet": YunetConfig(),
    "retinaface": RetinafaceConfig(),
    "scrfd": ScrfdConfig(),
    "scrfd-500m": ScrfdConfig(weights="det_500m"),
}
DRAWN_ERROR = 0.2
"""On a crude drawing, as a share of the eye distance: a wrong order or scale is far above."""


def error_in_eye_distances(found_px: LandmarksPx, true_px: LandmarksPx) -> float:
    return float(np.hypot(*(found_px - true_px).T).mean()) / eye_distance_px(true_px)


@pytest.fixture(scope="session")
def networks(
    mtcnn_folder: Path, weights_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All networks in one folder. Shared: copy it before you change it."""
    folder = Path(shutil.copytree(mtcnn_folder, tmp_path_factory.mktemp("detectors") / "all"))
    for name in NETWORK_SHA256:
        shutil.copyfile(weights_folder / "detect" / f"{name}.onnx", folder / f"{name}.onnx")
    return folder


@pytest.fixture(scope="session", params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def detector(networks: Path, name: str) -> Detector:
    return open_detector(networks, CONFIGS[name])


def assert_same(faces: list[DetectedFace], expected: list[DetectedFace]) -> None:
    assert [(face.box_px, face.score) for face in faces] == [
        (face.box_px, face.score) for face in expected
    ]
    for face, other in zip(faces, expected, strict=True):
        np.testing.assert_array_equal(face.landmarks_px, other.landmarks_px)


@pytest.mark.parametrize("eyes_px", [20, 40, 80])
def test_finds_a_face_of_any_size(detector: Detector, draw_face: Draw, eyes_px: float) -> None:
    drawing = draw_face((400, 500), (250, 190), eyes_px)
    (face,) = detector.detect(drawing.image_rgb_u8)
    assert 0.5 < face.score <= 1
    assert face.landmarks_px.shape == (5, 2)
    assert face.landmarks_px.dtype == np.float32
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < DRAWN_ERROR
    x0, y0, x1, y1 = face.box_px
    assert ((face.landmarks_px > [x0, y0]) & (face.landmarks_px < [x1, y1])).all()
    assert x1 - x0 == pytest.approx(2.2 * eyes_px, rel=0.5)


def test_a_large_picture_answers_in_its_own_pixels(detector: Detector, draw_face: Draw) -> None:
    drawing = draw_face((1500, 2000), (900, 700), 260)
    (face,) = detector.detect(drawing.image_rgb_u8)
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < DRAWN_ERROR


def test_a_grey_picture_has_its_face(detector: Detector, draw_face: Draw) -> None:
    grey = cv2.cvtColor(draw_face().image_rgb_u8, cv2.COLOR_RGB2GRAY)
    assert len(detector.detect(np.repeat(grey[..., None], 3, axis=2))) == 1


def test_colours_are_red_first(detector: Detector, draw_face: Draw) -> None:
    image = draw_face().image_rgb_u8
    swapped = detector.detect(np.ascontiguousarray(image[..., ::-1]))
    assert [face.score for face in swapped] != [face.score for face in detector.detect(image)]


def test_two_faces_are_two_the_surer_first(detector: Detector, draw_face: Draw) -> None:
    left = draw_face((240, 240), (120, 110), 40).image_rgb_u8
    right = draw_face((240, 240), (120, 110), 30).image_rgb_u8
    faces = detector.detect(np.hstack([left, right]))
    assert sorted(face.box_px[0] > 240 for face in faces) == [False, True]
    assert faces[0].score >= faces[1].score


@pytest.mark.parametrize(
    "shape_hw", [(1, 1), (1, 500), (500, 1), (7, 31), (39, 39), (2000, 3), (480, 640)]
)
def test_nothing_is_found_where_nothing_is(detector: Detector, shape_hw: tuple[int, int]) -> None:
    for value in (0, 128, 255):
        assert detector.detect(np.full((*shape_hw, 3), value, np.uint8)) == []


def test_a_view_is_as_good_as_a_copy_and_stays_as_it_is(
    detector: Detector, draw_face: Draw
) -> None:
    image = draw_face().image_rgb_u8
    wide = np.hstack([image, image])
    view, before = wide[:, : image.shape[1]], wide.copy()
    view.setflags(write=False)
    assert_same(detector.detect(view), detector.detect(image.copy()))
    np.testing.assert_array_equal(wide, before)


def test_a_batch_finds_what_single_calls_find(detector: Detector, draw_face: Draw) -> None:
    images = [
        draw_face((240, 320), (160, 120), 30).image_rgb_u8,
        np.zeros((50, 40, 3), np.uint8),
        draw_face((240, 320), (100, 110), 44).image_rgb_u8,
        draw_face((1200, 900), (400, 500), 200).image_rgb_u8,
        np.full((240, 320, 3), 90, np.uint8),
        draw_face((240, 320), (200, 130), 36).image_rgb_u8,
    ]
    together = detector.detect_batch(images)
    assert [len(faces) for faces in together] == [1, 0, 1, 1, 0, 1]
    for faces, image in zip(together, images, strict=True):
        assert_same(faces, detector.detect(image))
    assert detector.detect_batch([]) == []


def test_threads_share_one_detector(detector: Detector, draw_face: Draw) -> None:
    images = [draw_face(eyes_px=eyes_px).image_rgb_u8 for eyes_px in (20, 28, 36, 44)]
    alone = [detector.detect(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(detector.detect, images * 2))
    for faces, expected in zip(together, alone * 2, strict=True):
        assert_same(faces, expected)


def test_a_network_with_one_wrong_bit_is_refused(networks: Path, name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    for file in network_files(config):
        content = bytearray((networks / file).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / file).write_bytes(content)
    with pytest.raises(WeightsError, match=r"onnx: its SHA-256 is not the pinned one; "):
        open_detector(tmp_path, config)


def test_a_missing_network_is_named(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    with pytest.raises(WeightsError, match=rf"{network_files(config)[0]}: cannot be read; "):
        open_detector(tmp_path, config)


def test_pinned_digests_are_those_of_the_files_at_hand(networks: Path) -> None:
    for name, digest in NETWORK_SHA256.items():
        assert sha256_file(networks / f"{name}.onnx") == digest


def test_yunet_agrees_with_opencvs_own(networks: Path, draw_face: Draw) -> None:
    image = draw_face((256, 320), (140, 120), 40).image_rgb_u8
    theirs = cv2.FaceDetectorYN.create(
        str(networks / "yunet_2026may.onnx"), "", (320, 256), 0.6, 0.3
    )
    _, rows = theirs.detect(np.ascontiguousarray(image[..., ::-1]))
    (face,) = open_detector(networks, YunetConfig()).detect(image)
    assert rows.shape == (1, 15)
    np.testing.assert_allclose(face.landmarks_px, rows[0, 4:14].reshape(5, 2), atol=1e-3)
    assert face.score == pytest.approx(float(rows[0, 14]), abs=1e-5)


def lfw_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "meta.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))[::200]


@pytest.mark.real_faces
@pytest.mark.parametrize("name", sorted(set(CONFIGS) - {"yunet"}), indirect=True)
def test_mirrored_faces_have_mirrored_landmarks(detector: Detector, lfw_folder: Path) -> None:
    """Counting landmarks from the wrong place, half a pixel off, would show as one pixel here.

    YuNet's own lean to the right (0.4 pixels here, on 2,214 photos) hides it; OpenCV decides there.
    """
    apart = []
    for row in lfw_rows(lfw_folder):
        image = decode_image((lfw_folder / row["path"]).read_bytes())[11:139, 11:139].copy()
        plain, turned = detector.detect_batch([image, np.ascontiguousarray(image[:, ::-1])])
        if len(plain) == len(turned) == 1:
            expected = turned[0].landmarks_px[[1, 0, 2, 4, 3]] * [-1, 1] + [127, 0]
            apart.append((plain[0].landmarks_px - expected).mean(axis=0))
    assert len(apart) > 25
    assert np.abs(np.median(apart, axis=0)).max() < 0.6


@pytest.mark.real_faces
def test_landmarks_of_real_faces_are_where_scrfd_saw_them(
    detector: Detector, name: str, lfw_folder: Path
) -> None:
    """Another implementation of SCRFD made the reference, so SCRFD itself must come closest."""
    columns = [f"{axis}{point}" for point in ("le", "re", "no", "lm", "rm") for axis in "xy"]
    policy = FacePolicy(selection="largest_central", min_eye_distance_px=0, max_nose_offset=10)
    errors = []
    for row in lfw_rows(lfw_folder):
        image = decode_image((lfw_folder / row["path"]).read_bytes())
        face = select_face(detector.detect(image), (image.shape[0], image.shape[1]), policy)
        reference = np.array([float(row[column]) for column in columns], np.float32).reshape(5, 2)
        errors.append(error_in_eye_distances(face.landmarks_px, reference))
    bound = {"mtcnn": 0.05, "yunet": 0.11, "retinaface": 0.09, "scrfd": 0.05, "scrfd-500m": 0.06}
    assert np.median(errors) < bound[name]
