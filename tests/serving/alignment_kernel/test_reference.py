"""The kernel's arithmetic in numpy against `data.alignment`, which is OpenCV's warp."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from data.alignment import align
from data.face import TEMPLATE_PX, LandmarksPx, RgbU8, network_input
from serving.alignment_kernel.formats import OutputFormat
from serving.alignment_kernel.reference import align_faces, estimate, normalise, warp
from serving.alignment_kernel.rounding import store
from serving.graph import build_alignment
from tests.serving.alignment_kernel.faces import NOT_FACES, faces
from tests.serving.graphs import Session, run, session_of

NOISE = np.random.default_rng(5).integers(0, 256, (300, 400, 3), dtype=np.uint8)


@given(faces())
@settings(max_examples=60)
def test_crop_is_within_one_grey_level_of_opencv(face: tuple[RgbU8, LandmarksPx]) -> None:
    image, landmarks = face
    sampling = estimate(landmarks)
    assert sampling.is_face
    assert np.abs(warp(image, sampling) - align(image, landmarks)).max() <= 1


@pytest.mark.parametrize("side", [2000, 6000])
def test_far_corner_of_a_large_frame_is_within_one_grey_level(side: int) -> None:
    image = np.zeros((side, side, 3), np.uint8)
    image[-400:, -400:] = np.random.default_rng(1).integers(0, 256, (400, 400, 3))
    turn = np.array([[0.96, -0.28], [0.28, 0.96]])
    landmarks = ((TEMPLATE_PX - 56) @ turn.T * 2.5 + side - 180).astype(np.float32)
    difference = np.abs(warp(image, estimate(landmarks)) - align(image, landmarks))
    assert difference.max() <= 1


@pytest.mark.parametrize("shift_px", [1e4, -1e4, 1e7, -3e9])
def test_face_far_outside_is_black(shift_px: float) -> None:
    sampling = estimate((TEMPLATE_PX * 20 + shift_px).astype(np.float32))
    assert not warp(NOISE, sampling).any()


@pytest.mark.parametrize("landmarks", NOT_FACES.values(), ids=NOT_FACES)
def test_landmarks_that_span_no_face_give_a_black_crop_and_a_flag(
    landmarks: NDArray[np.float64],
) -> None:
    both = np.stack([landmarks, TEMPLATE_PX]).astype(np.float32)
    crops, is_face = align_faces([NOISE], both, np.zeros(2, np.int32))
    alone, _ = align_faces([NOISE], both[1:], np.zeros(1, np.int32))
    assert is_face.tolist() == [False, True]
    assert (crops[0] == -1).all()
    assert (crops[1] == alone[0]).all()


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1, -(2**31)])
def test_index_of_no_frame_gives_a_black_crop_and_a_flag(index: int) -> None:
    crops, is_face = align_faces([NOISE], TEMPLATE_PX[None], np.array([index], np.int32))
    assert not is_face.any()
    assert (crops == -1).all()


def test_even_area_keeps_its_level_to_the_bit() -> None:
    image = np.full((300, 300, 3), (7, 200, 255), np.uint8)
    landmarks = ((TEMPLATE_PX - 56) * 0.7 + 150.3).astype(np.float32)
    for taps in (1, 4):
        assert (warp(image, estimate(landmarks), taps) == (7, 200, 255)).all()


def test_normalisation_is_the_contract() -> None:
    levels = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (256, 3)).reshape(
        1, 16, 16, 3
    )
    expected = network_input(levels)
    got = store(normalise(levels.astype(np.float32)), OutputFormat("nchw", "f32"))
    np.testing.assert_allclose(got, expected, atol=6e-8)
    assert got.min() == -1
    assert got.max() == 1


@pytest.mark.parametrize("factor", [2, 4, 6])
def test_prefilter_at_an_even_scale_is_the_area_average(factor: int) -> None:
    image = np.random.default_rng(2).integers(0, 256, (112 * factor,) * 2 + (3,), dtype=np.uint8)
    landmarks = (TEMPLATE_PX * factor + (factor - 1) / 2).astype(np.float32)
    expected = cv2.resize(image.astype(np.float32), (112, 112), interpolation=cv2.INTER_AREA)
    got = warp(image, estimate(landmarks), max_taps_per_axis=8)
    assert np.abs(got - expected).max() < 0.1


def test_prefilter_changes_no_face_up_to_twice_the_template() -> None:
    sampling = estimate((TEMPLATE_PX * 1.99 + 20).astype(np.float32))
    assert (warp(NOISE, sampling, 8) == warp(NOISE, sampling, 1)).all()


def test_prefilter_removes_what_a_large_face_aliases() -> None:
    """Stripes of one pixel, sampled every 6 pixels: grey with the filter, stripes without."""
    image = np.zeros((800, 800, 3), np.uint8)
    image[:, ::2] = 255
    sampling = estimate((TEMPLATE_PX * 6.02 + 40).astype(np.float32))
    assert warp(image, sampling, 1).std() > 50
    assert warp(image, sampling, 8).std() < 10


@given(faces())
@settings(max_examples=40)
def test_crop_is_that_of_the_onnx_graph(graph: Session, face: tuple[RgbU8, LandmarksPx]) -> None:
    image, landmarks = face
    crop, _ = run(graph, image[None], landmarks[None])
    got = warp(image, estimate(landmarks)).transpose(2, 0, 1)
    # The graph takes its coordinates to -1 to 1 and back, which costs them a few bits.
    assert np.abs(got - crop[0]).max() < 0.1


@pytest.mark.parametrize("landmarks", NOT_FACES.values(), ids=NOT_FACES)
def test_what_is_no_face_to_the_graph_is_none_to_the_kernel(
    graph: Session, landmarks: NDArray[np.float64]
) -> None:
    _, is_face = run(graph, NOISE[None], landmarks[None])
    assert not is_face.any()
    assert not estimate(landmarks.astype(np.float32)).is_face


@pytest.fixture(scope="module")
def graph() -> Session:
    return session_of(build_alignment())
