import csv
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.detection.base import Detector
from data.detection.config import FacePolicy, MtcnnConfig
from data.detection.mtcnn import Mtcnn
from data.detection.selection import select_face
from data.errors import NoFaceError, WeightsError
from data.face import LANDMARK_NAMES, DetectedFace, LandmarksPx, RgbU8
from data.images import decode_image

Draw = Callable[..., Any]
GRAPHS = ("pnet.onnx", "rnet.onnx", "onet.onnx")


def error_in_eye_distances(found_px: LandmarksPx, true_px: LandmarksPx) -> float:
    eyes_px = float(np.hypot(*(true_px[1] - true_px[0])))
    return float(np.hypot(*(found_px - true_px).T).mean()) / eyes_px


def test_the_cascade_is_a_detector(mtcnn: Mtcnn) -> None:
    detector: Detector = mtcnn
    assert detector.detect(np.zeros((64, 64, 3), np.uint8)) == []


@pytest.mark.parametrize("eyes_px", [18, 25, 40, 60, 80])
def test_finds_a_face_of_any_size(mtcnn: Mtcnn, draw_face: Draw, eyes_px: float) -> None:
    drawing = draw_face((400, 500), (250, 190), eyes_px)
    (face,) = mtcnn.detect(drawing.image_rgb_u8)
    assert face.score > 0.9
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < 0.1
    x0, y0, x1, y1 = face.box_px
    inside = (face.landmarks_px > [x0, y0]) & (face.landmarks_px < [x1, y1])
    assert inside.all()


@settings(max_examples=15)
@given(x=st.floats(70, 250), y=st.floats(70, 150), eyes_px=st.floats(24, 34))
def test_landmarks_follow_the_face(
    mtcnn: Mtcnn, draw_face: Draw, x: float, y: float, eyes_px: float
) -> None:
    drawing = draw_face((240, 320), (x, y), eyes_px)
    (face,) = mtcnn.detect(drawing.image_rgb_u8)
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < 0.1


def test_landmarks_are_in_the_contract_order(mtcnn: Mtcnn, draw_face: Draw) -> None:
    points = mtcnn.detect(draw_face().image_rgb_u8)[0].landmarks_px
    assert points.shape == (5, 2)
    assert points.dtype == np.float32
    x, y = (dict(zip(LANDMARK_NAMES, axis, strict=True)) for axis in points.T)
    assert x["left_eye"] < x["left_mouth"] < x["nose"] < x["right_mouth"] < x["right_eye"]
    assert y["left_eye"] < y["nose"] < y["left_mouth"]
    assert y["right_eye"] < y["nose"] < y["right_mouth"]


def test_a_mirrored_picture_gives_mirrored_landmarks(mtcnn: Mtcnn, draw_face: Draw) -> None:
    """Landmarks count from the middle of the first pixel: half a pixel off would show as one."""
    apart = []
    for shift in np.linspace(0, 7, 12):
        image = draw_face(centre_px=(120 + shift, 110), eyes_px=33).image_rgb_u8
        plain = mtcnn.detect(image)[0].landmarks_px
        mirrored = mtcnn.detect(np.ascontiguousarray(image[:, ::-1]))[0].landmarks_px
        apart.append(mirrored[[1, 0, 2, 4, 3]] * [-1, 1] + [image.shape[1] - 1, 0] - plain)
    assert np.abs(apart).max() < 1.5
    assert np.abs(np.mean(apart, axis=(0, 1))).max() < 0.25


def test_a_large_picture_answers_in_its_own_pixels(mtcnn: Mtcnn, draw_face: Draw) -> None:
    drawing = draw_face((1500, 2000), (900, 700), 260)
    (face,) = mtcnn.detect(drawing.image_rgb_u8)
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < 0.1
    assert face.box_px[2] - face.box_px[0] == pytest.approx(2 * 260, rel=0.3)


def test_two_faces_are_two(mtcnn: Mtcnn, draw_face: Draw) -> None:
    left = draw_face((240, 240), (120, 110), 40).image_rgb_u8
    right = draw_face((240, 240), (120, 110), 30).image_rgb_u8
    faces = mtcnn.detect(np.hstack([left, right]))
    assert len(faces) == 2
    widths = {face.box_px[0] > 240: face.box_px[2] - face.box_px[0] for face in faces}
    assert widths[False] > widths[True]
    assert faces[0].score >= faces[1].score


def test_a_face_at_the_edge_is_found(mtcnn: Mtcnn, draw_face: Draw) -> None:
    drawing = draw_face((240, 320), (45, 120), 50)
    (face,) = mtcnn.detect(drawing.image_rgb_u8)
    assert face.box_px[0] < 10
    assert error_in_eye_distances(face.landmarks_px, drawing.landmarks_px) < 0.15


@pytest.mark.parametrize(
    "shape_hw", [(1, 1), (1, 500), (500, 1), (11, 300), (39, 39), (2000, 3), (480, 640)]
)
@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_is_found_where_nothing_is(
    mtcnn: Mtcnn, shape_hw: tuple[int, int], value: int
) -> None:
    assert mtcnn.detect(np.full((*shape_hw, 3), value, np.uint8)) == []


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_face(mtcnn: Mtcnn, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (240, 320, 3), np.uint8)
    faces = mtcnn.detect(noise)
    with pytest.raises(NoFaceError):
        select_face(faces, (240, 320), FacePolicy())


def test_colours_are_red_first(mtcnn: Mtcnn, draw_face: Draw) -> None:
    image = draw_face().image_rgb_u8
    swapped = mtcnn.detect(np.ascontiguousarray(image[..., ::-1]))
    assert [face.score for face in swapped] != [face.score for face in mtcnn.detect(image)]


def test_a_view_is_as_good_as_a_copy(mtcnn: Mtcnn, draw_face: Draw) -> None:
    image = draw_face().image_rgb_u8
    assert_same(mtcnn.detect(image[::-1][::-1]), mtcnn.detect(image))


def test_smaller_faces_than_asked_for_are_not_found(mtcnn_folder: Path, draw_face: Draw) -> None:
    image = draw_face(eyes_px=20).image_rgb_u8
    sizes = {
        min_face_px: len(
            Mtcnn.from_folder(mtcnn_folder, MtcnnConfig(min_face_px=min_face_px)).detect(image)
        )
        for min_face_px in (30, 120)
    }
    assert sizes == {30: 1, 120: 0}


def test_shrinking_hides_small_faces(mtcnn_folder: Path, draw_face: Draw) -> None:
    image = draw_face((480, 640), (320, 240), 25).image_rgb_u8
    shrunk = Mtcnn.from_folder(mtcnn_folder, MtcnnConfig(max_side_px=160))
    assert shrunk.detect(image) == []


def assert_same(faces: list[DetectedFace], expected: list[DetectedFace]) -> None:
    assert [(face.box_px, face.score) for face in faces] == [
        (face.box_px, face.score) for face in expected
    ]
    for face, other in zip(faces, expected, strict=True):
        np.testing.assert_array_equal(face.landmarks_px, other.landmarks_px)


def test_threads_share_one_detector(mtcnn: Mtcnn, draw_face: Draw) -> None:
    images = [draw_face(eyes_px=eyes_px).image_rgb_u8 for eyes_px in (20, 28, 36, 44)] * 4
    alone = [mtcnn.detect(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(mtcnn.detect, images))
    for faces, expected in zip(together, alone, strict=True):
        assert_same(faces, expected)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_missing_graph_is_named(mtcnn_folder: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(mtcnn_folder, tmp_path / "mtcnn"))
    (folder / name).unlink()
    with pytest.raises(WeightsError, match=rf"{name}: cannot be read; build it"):
        Mtcnn.from_folder(folder, MtcnnConfig())


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_with_one_wrong_bit_is_refused(
    mtcnn_folder: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(mtcnn_folder, tmp_path / "mtcnn"))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsError, match=rf"{name}: its SHA-256 is not the pinned one"):
        Mtcnn.from_folder(folder, MtcnnConfig())


def lfw_sample(folder: Path, count: int) -> list[tuple[RgbU8, LandmarksPx]]:
    """Every so-manieth photo of LFW with the landmarks that another detector (SCRFD) gave it."""
    with (folder / "meta.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = [f"{axis}{point}" for point in ("le", "re", "no", "lm", "rm") for axis in "xy"]
    return [
        (
            decode_image((folder / row["path"]).read_bytes()),
            np.array([float(row[name]) for name in names], np.float32).reshape(5, 2),
        )
        for row in rows[:: len(rows) // count][:count]
    ]


@pytest.mark.real_faces
def test_agrees_with_another_detector_on_real_faces(mtcnn: Mtcnn, lfw_folder: Path) -> None:
    policy = FacePolicy(selection="largest_central", min_eye_distance_px=0)
    errors = []
    sample = lfw_sample(lfw_folder, 200)
    for image, reference_px in sample:
        faces = mtcnn.detect(image)
        if faces:
            face = select_face(faces, (image.shape[0], image.shape[1]), policy)
            errors.append(error_in_eye_distances(face.landmarks_px, reference_px))
    found = np.array([error for error in errors if error < 0.5])
    assert len(found) >= 0.99 * len(sample)
    assert np.median(found) < 0.05
    assert np.quantile(found, 0.95) < 0.09


@pytest.mark.real_faces
def test_real_faces_turned_by_a_right_angle_are_mostly_missed(
    mtcnn: Mtcnn, lfw_folder: Path
) -> None:
    """Why the EXIF orientation must be applied before detection."""
    sample = lfw_sample(lfw_folder, 40)
    turned = [cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE).astype(np.uint8) for image, _ in sample]
    assert sum(bool(mtcnn.detect(image)) for image in turned) < len(sample) / 2
