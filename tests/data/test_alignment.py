import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from data.alignment import align, estimate_similarity
from data.errors import FaceTooSmallError
from data.face import TEMPLATE_PX, LandmarksPx

F64 = NDArray[np.float64]

landmarks = hnp.arrays(np.float32, (5, 2), elements=st.floats(-2000, 4000, width=32))


def umeyama(points: F64, template: F64) -> F64:
    """The published algorithm (Umeyama 1991, equations 40 to 43), by singular values."""
    mean_p, mean_q = points.mean(0), template.mean(0)
    p, q = points - mean_p, template - mean_q
    u, singular, vt = np.linalg.svd(q.T @ p / len(p))
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = (singular * signs).sum() / (p * p).sum() * len(p)
    return np.column_stack([scale * rotation, mean_q - scale * rotation @ mean_p])


def similarity(angle: float, scale: float, x: float, y: float) -> F64:
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def move(matrix: F64, points: NDArray[np.floating]) -> F64:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)


def is_settled(points: F64) -> bool:
    """Whether there is one best similarity, and it does not hang on the last digits."""
    p, q = points - points.mean(0), TEMPLATE_PX - TEMPLATE_PX.mean(0)
    singular = np.linalg.svd(q.T.astype(np.float64) @ p, compute_uv=False)
    return bool((p * p).sum() > 1 and singular[0] - singular[1] > 1e-3 * singular[0])


@given(landmarks, st.booleans())
def test_agrees_with_umeyama(points_px: LandmarksPx, mirrored: bool) -> None:
    points = points_px.astype(np.float64) * ([-1, 1] if mirrored else [1, 1])
    assume(is_settled(points))
    ours = estimate_similarity(points.astype(np.float32)).matrix
    reference = umeyama(points, TEMPLATE_PX.astype(np.float64))
    np.testing.assert_allclose(move(ours, points), move(reference, points), atol=1e-4)


@given(landmarks)
def test_residual_is_the_distance_that_is_left(points_px: LandmarksPx) -> None:
    points = points_px.astype(np.float64)
    assume(is_settled(points))
    found = estimate_similarity(points_px)
    left = move(found.matrix, points) - TEMPLATE_PX
    assert found.residual_px == pytest.approx(np.sqrt((left**2).sum(1).mean()), abs=1e-3)


@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.1, 20),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_a_moved_template_comes_back(angle: float, scale: float, x: float, y: float) -> None:
    moved = move(similarity(angle, scale, x, y), TEMPLATE_PX.astype(np.float64))
    found = estimate_similarity(moved.astype(np.float32))
    np.testing.assert_allclose(move(found.matrix, moved), TEMPLATE_PX, atol=1e-2)
    assert found.residual_px < 1e-2


def test_the_template_maps_to_itself() -> None:
    found = estimate_similarity(TEMPLATE_PX)
    np.testing.assert_allclose(found.matrix, [[1, 0, 0], [0, 1, 0]], atol=1e-6)
    assert found.residual_px == pytest.approx(0, abs=1e-4)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    """A similarity cannot mirror: swapped eyes and mouth corners leave a large residual."""
    mirrored = TEMPLATE_PX * np.array([-1, 1], np.float32)
    found = estimate_similarity(mirrored)
    assert np.linalg.det(found.matrix[:, :2]) > 0
    assert found.residual_px > 10


@pytest.mark.parametrize(
    "points_px",
    [
        np.zeros((5, 2), np.float32),
        np.full((5, 2), 77, np.float32),
    ],
    ids=["origin", "elsewhere"],
)
def test_landmarks_on_one_point_are_refused(points_px: LandmarksPx) -> None:
    with pytest.raises(FaceTooSmallError, match="do not span a face"):
        estimate_similarity(points_px)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_landmarks_that_are_no_numbers_are_refused(value: float) -> None:
    points_px = TEMPLATE_PX.copy()
    points_px[3, 1] = value
    with pytest.raises(FaceTooSmallError, match="not finite"):
        estimate_similarity(points_px)


def test_template_landmarks_cut_the_picture_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    np.testing.assert_array_equal(align(image, TEMPLATE_PX), image)


def test_a_whole_pixel_shift_is_exact_and_the_outside_is_black() -> None:
    image = np.random.default_rng(1).integers(1, 256, (112, 112, 3), np.uint8)
    shift = np.array([10, 20], np.float32)
    crop = align(image, TEMPLATE_PX + shift)
    np.testing.assert_array_equal(crop[:92, :102], image[20:, 10:])
    assert crop[92:].max() == crop[:, 102:].max() == 0


def test_a_face_turned_upside_down_comes_upright() -> None:
    image = np.random.default_rng(2).integers(0, 256, (112, 112, 3), np.uint8)
    crop = align(np.ascontiguousarray(image[::-1, ::-1]), np.float32(111) - TEMPLATE_PX)
    assert np.abs(crop.astype(int) - image).max() <= 1
