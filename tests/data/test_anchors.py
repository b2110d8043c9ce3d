"""Decoding: what a network would have to say of a face comes back as that face."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.detection import retinaface, scrfd, yunet
from data.detection.anchors import (
    boxes_of_edges,
    boxes_of_middles,
    cell_corners,
    landmarks_of_offsets,
    priors,
)
from data.detection.candidates import Candidates

F32 = NDArray[np.float32]
STRIDES_PX = (8, 16, 32)
SHAPE_HW = (96, 160)
BOX = np.array([[31.0, 17.0, 79.0, 71.0]], np.float32)
POINTS = np.array([[[42, 35], [66, 36], [54, 47], [45, 58], [63, 57]]], np.float32)


def cells(stride_px: int, shape_hw: tuple[int, int] = SHAPE_HW) -> int:
    return (shape_hw[0] // stride_px) * (shape_hw[1] // stride_px)


def assert_is_the_face(found: Candidates, score: float) -> None:
    np.testing.assert_allclose(found.boxes, BOX, atol=1e-3)
    np.testing.assert_allclose(found.landmarks, POINTS, atol=1e-3)
    np.testing.assert_allclose(found.scores, [score], atol=1e-6)


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    stride_px=st.sampled_from(STRIDES_PX),
    per_cell=st.integers(1, 3),
)
def test_cells_go_row_after_row(rows: int, columns: int, stride_px: int, per_cell: int) -> None:
    expected = [
        (column * stride_px, row * stride_px)
        for row in range(rows)
        for column in range(columns)
        for _ in range(per_cell)
    ]
    found = cell_corners(np.arange(len(expected)), columns, stride_px, per_cell)
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_priors_stand_around_the_middles_of_cells() -> None:
    found = priors((32, 48), 16, (64, 128))
    assert found.shape == (2 * 3 * 2, 3)
    assert found[:4].tolist() == [[8, 8, 64], [8, 8, 128], [24, 8, 64], [24, 8, 128]]
    assert found[-1].tolist() == [40, 24, 128]


@given(
    x0=st.floats(-50, 300),
    y0=st.floats(-50, 300),
    width=st.floats(1, 200),
    height=st.floats(1, 200),
)
def test_edges_and_middles_say_the_same_box(
    x0: float, y0: float, width: float, height: float
) -> None:
    box = np.array([[x0, y0, x0 + width, y0 + height]], np.float32)
    middle: F32 = (box[:, :2] + box[:, 2:]) / np.float32(2)
    size = box[:, 2:] - box[:, :2]
    point = np.array([[7.0, 11.0]], np.float32)
    edges = np.hstack([point - box[:, :2], box[:, 2:] - point])
    np.testing.assert_allclose(boxes_of_middles(middle, size), box, atol=1e-3)
    np.testing.assert_allclose(boxes_of_edges(point, edges), box, atol=1e-3)


def test_offsets_are_x_and_y_in_turn() -> None:
    found = landmarks_of_offsets(
        np.array([[10, 20]], np.float32), np.arange(10, dtype=np.float32)[None]
    )
    assert found[0].tolist() == [[10, 21], [12, 23], [14, 25], [16, 27], [18, 29]]


def per_stride(width: int, copies: int) -> list[F32]:
    return [np.zeros((cells(stride) * copies, width), np.float32) for stride in STRIDES_PX]


@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("anchor", range(2))
def test_scrfd_says_distances_in_strides(level: int, anchor: int) -> None:
    scores, edges, points = per_stride(1, 2), per_stride(4, 2), per_stride(10, 2)
    stride, columns = STRIDES_PX[level], SHAPE_HW[1] // STRIDES_PX[level]
    row, column = 40 // stride, 48 // stride
    answer = (row * columns + column) * 2 + anchor
    corner = np.array([column, row], np.float32) * stride
    scores[level][answer] = 0.75
    edges[level][answer] = np.hstack([corner - BOX[0, :2], BOX[0, 2:] - corner]) / stride
    points[level][answer] = (POINTS[0] - corner).reshape(-1) / stride
    assert_is_the_face(scrfd.decode([*scores, *edges, *points], SHAPE_HW, 0.5), 0.75)


@pytest.mark.parametrize("level", range(3))
def test_yunet_says_middles_and_logarithms(level: int) -> None:
    kinds, things = per_stride(1, 1), per_stride(1, 1)
    boxes, points = per_stride(4, 1), per_stride(10, 1)
    stride, columns = STRIDES_PX[level], SHAPE_HW[1] // STRIDES_PX[level]
    row, column = 40 // stride, 48 // stride
    answer = row * columns + column
    corner = np.array([column, row], np.float32) * stride + 0.5
    kinds[level][answer], things[level][answer] = 0.9, 0.4
    middle, size = (BOX[0, :2] + BOX[0, 2:]) / 2, BOX[0, 2:] - BOX[0, :2]
    boxes[level][answer] = np.hstack([(middle - corner) / stride, np.log(size / stride)])
    points[level][answer] = (POINTS[0] - corner).reshape(-1) / stride
    outputs = [output[None] for output in (*kinds, *things, *boxes, *points)]
    assert_is_the_face(yunet.decode(outputs, SHAPE_HW, 0.5), 0.6)
    assert len(yunet.decode(outputs, SHAPE_HW, 0.61).scores) == 0


@pytest.mark.parametrize("prior", [0, 12_799, 12_800, 16_001, 16_799])
def test_retinaface_says_tenths_of_a_prior(prior: int) -> None:
    shape_hw = (retinaface.CANVAS_PX, retinaface.CANVAS_PX)
    squares = np.concatenate([priors(shape_hw, *level) for level in retinaface.PRIORS_PX.items()])
    assert len(squares) == 16_800
    middle, side = squares[prior, :2], squares[prior, 2]
    outputs = [np.zeros((1, len(squares), width), np.float32) for width in (4, 2, 10)]
    wanted, size = (BOX[0, :2] + BOX[0, 2:]) / 2, BOX[0, 2:] - BOX[0, :2]
    outputs[0][0, prior] = np.hstack([(wanted - middle) / side / 0.1, np.log(size / side) / 0.2])
    outputs[1][0, prior] = 0.125, 0.875
    outputs[2][0, prior] = (POINTS[0] - middle).reshape(-1) / side / 0.1
    assert_is_the_face(retinaface.decode(outputs, shape_hw, 0.5), 0.875)


def test_inputs_are_as_each_network_was_trained() -> None:
    image = np.zeros((32, 64, 3), np.uint8)
    image[..., 0] = 255  # red
    assert [float(plane.max()) for plane in yunet.network_input(image)[0]] == [0, 0, 255]
    assert [float(plane.max()) for plane in scrfd.network_input(image)[0]] == [127.5 / 128] + [
        -127.5 / 128
    ] * 2
    assert [float(plane.max()) for plane in retinaface.network_input(image)[0]] == [-104, -117, 132]
    for module in (yunet, scrfd, retinaface):
        blob = module.network_input(image)
        assert (blob.shape, blob.dtype) == ((1, 3, 32, 64), np.float32)
        assert blob.flags.c_contiguous
