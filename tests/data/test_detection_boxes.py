import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from data.detection.boxes import Boxes, cut, shift, suppress, whole_squares, zoom


@st.composite
def scored_boxes(draw: st.DrawFn) -> tuple[Boxes, NDArray[np.float32]]:
    count = draw(st.integers(0, 12))
    numbers = st.floats(0, 100, width=32)
    corners = draw(hnp.arrays(np.float32, (count, 2), elements=numbers))
    sizes = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(1, 50, width=32)))
    scores = draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32)))
    return np.hstack([corners, corners + sizes]), scores


def overlap(a: NDArray[np.float32], b: NDArray[np.float32], over_smaller: bool) -> float:
    sides = np.maximum(0, np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]))
    shared = float(np.prod(sides))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (a, b)]
    return shared / (min(areas) if over_smaller else sum(areas) - shared)


@given(scored_boxes(), st.floats(0.1, 0.9), st.booleans())
def test_suppression_keeps_the_best_and_nothing_that_overlaps_it(
    found: tuple[Boxes, NDArray[np.float32]], limit: float, over_smaller: bool
) -> None:
    boxes, scores = found
    kept = suppress(boxes, scores, limit, over_smaller=over_smaller).tolist()
    assert (np.diff(scores[kept]) <= 0).all()
    for index in range(len(boxes)):
        better = [k for k in kept if k != index and scores[k] >= scores[index]]
        most = max((overlap(boxes[k], boxes[index], over_smaller) for k in better), default=0.0)
        if index not in kept:
            assert most > limit - 1e-4
        for other in kept:
            if index in kept and other != index:
                assert overlap(boxes[index], boxes[other], over_smaller) <= limit + 1e-4


def test_a_box_inside_another_goes_only_when_measured_over_the_smaller() -> None:
    boxes = np.array([[0, 0, 100, 100], [40, 40, 60, 60]], np.float32)
    scores = np.array([0.9, 0.8], np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [0, 1]
    assert suppress(boxes, scores, 0.5, over_smaller=True).tolist() == [0]


def test_offsets_are_in_widths_and_heights() -> None:
    box = np.array([[10, 20, 30, 60]], np.float32)
    offsets = np.array([[0.1, -0.1, 0.5, 0.25]], np.float32)
    np.testing.assert_allclose(shift(box, offsets), [[12, 16, 40, 70]])


def test_zooming_keeps_the_centre() -> None:
    box = np.array([[10, 20, 30, 60]], np.float32)
    np.testing.assert_allclose(zoom(box, 0.5), [[15, 30, 25, 50]])
    np.testing.assert_allclose(zoom(box, 2), [[0, 0, 40, 80]])


@given(scored_boxes())
def test_squares_are_whole_and_keep_the_centre(
    found: tuple[Boxes, NDArray[np.float32]],
) -> None:
    boxes, _ = found
    squares = whole_squares(boxes)
    np.testing.assert_array_equal(squares, np.rint(squares))
    sides = squares[:, 2:] - squares[:, :2]
    np.testing.assert_array_equal(sides[:, 0], sides[:, 1])
    assert (np.abs(sides - (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)) <= 0.501).all()
    centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (boxes, squares)]
    assert (np.abs(centres[0] - centres[1]) <= 0.501).all()


@pytest.mark.parametrize("side", [12, 24, 48])
def test_a_crop_of_its_own_size_is_the_picture(side: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    crops = cut(image, np.array([[7, 5, 7 + side, 5 + side]], np.float32), side)
    np.testing.assert_array_equal(crops[0], image[5 : 5 + side, 7 : 7 + side])


def test_outside_the_picture_is_black() -> None:
    image = np.full((40, 40, 3), 200, np.uint8)
    squares = np.array([[-12, -12, 12, 12], [28, 28, 52, 52], [100, 100, 124, 124]], np.float32)
    first, last, beyond = cut(image, squares, 24)
    assert (first[12:, 12:] == 200).all()
    assert first[:12].max() == first[:, :12].max() == 0
    assert (last[:12, :12] == 200).all()
    assert last[12:].max() == last[:, 12:].max() == 0
    assert beyond.max() == 0


def test_halving_a_crop_averages() -> None:
    image = np.random.default_rng(1).integers(0, 256, (48, 48, 3), np.uint8)
    crop = cut(image, np.array([[0, 0, 48, 48]], np.float32), 24)[0]
    means = image.reshape(24, 2, 24, 2, 3).mean((1, 3))
    assert np.abs(crop - means).max() <= 0.5
