"""The graph against the numpy reference, its batches against its single faces, and its guards."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import numpy_helper

from data.alignment import align
from data.face import CONTRACT_ID, TEMPLATE_PX, LandmarksPx, RgbU8
from serving.graph import (
    ARCFACE_SCALING,
    IMAGENET_SCALING,
    RAW_SCALING,
    InputScaling,
    build_alignment,
    compose,
)
from tests.serving.graphs import Session, crop_embedder, crop_of, run, session_of


@pytest.fixture(scope="module")
def alignment() -> Session:
    return session_of(build_alignment())


@pytest.fixture(scope="module")
def crop_graph() -> Session:
    return session_of(compose(crop_embedder(), input_scaling=RAW_SCALING))


@st.composite
def faces(draw: st.DrawFn) -> tuple[RgbU8, LandmarksPx]:
    """A noisy picture of any shape and landmarks anywhere near it, sometimes mirrored."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, height = draw(st.integers(1, 400)), draw(st.integers(1, 400))
    scale, turn = draw(st.floats(0.1, 6)), draw(st.floats(-np.pi, np.pi))
    shift = np.array([draw(st.floats(-0.5, 1.5)) * width, draw(st.floats(-0.5, 1.5)) * height])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = (TEMPLATE_PX - 56) + rng.normal(0, draw(st.floats(0, 5)), (5, 2))
    if draw(st.booleans()):
        shape[:, 0] *= -1
    landmarks = (scale * shape @ rotation.T + shift).astype(np.float32)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), landmarks


@given(faces())
@settings(max_examples=150, deadline=None)
def test_crop_is_within_one_grey_level_of_the_reference(
    alignment: Session, face: tuple[RgbU8, LandmarksPx]
) -> None:
    image, landmarks = face
    crop, is_face = run(alignment, image[None], landmarks[None])
    assert is_face.all()
    difference = np.abs(crop[0].transpose(1, 2, 0) - align(image, landmarks))
    assert difference.max() <= 1


def test_composed_graph_gives_the_embedder_the_reference_crop(crop_graph: Session) -> None:
    image = np.random.default_rng(3).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    landmarks = TEMPLATE_PX * 1.3 + 60
    (embedding,) = run(crop_graph, image[None], landmarks[None])
    assert np.linalg.norm(embedding[0]) == pytest.approx(1, abs=1e-5)
    assert np.abs(crop_of(embedding[0]) - align(image, landmarks)).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_picture_one_pixel_wide_or_high_is_no_trap(
    alignment: Session, shape: tuple[int, int]
) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    crop, _ = run(alignment, image[None], TEMPLATE_PX[None] - 30)
    reference = align(image, TEMPLATE_PX - 30)
    assert reference.max() == 200
    assert np.abs(crop[0].transpose(1, 2, 0) - reference).max() <= 1


def test_face_outside_the_picture_is_black(alignment: Session) -> None:
    image = np.full((40, 40, 3), 255, np.uint8)
    crop, is_face = run(alignment, image[None], TEMPLATE_PX[None] + 1000)
    assert is_face.all()
    assert not crop.any()


@pytest.mark.parametrize("scaling", [ARCFACE_SCALING, IMAGENET_SCALING, RAW_SCALING])
def test_scaling_is_applied_to_each_channel(scaling: InputScaling) -> None:
    session = session_of(compose(crop_embedder(), input_scaling=scaling))
    image = np.empty((112, 112, 3), np.uint8)
    image[:] = (10, 100, 250)
    (embedding,) = run(session, image[None], TEMPLATE_PX[None])
    expected = (np.array([10, 100, 250]) - scaling.mean) / scaling.std
    assert crop_of(embedding[0])[56, 56] == pytest.approx(expected, rel=1e-4)


def test_bgr_embedder_gets_blue_first() -> None:
    scaling = InputScaling(mean=(1, 2, 3), std=(1, 1, 1), colour_order="bgr")
    session = session_of(compose(crop_embedder(), input_scaling=scaling))
    image = np.empty((112, 112, 3), np.uint8)
    image[:] = (10, 100, 250)
    (embedding,) = run(session, image[None], TEMPLATE_PX[None])
    assert crop_of(embedding[0])[56, 56] == pytest.approx([249, 98, 7], rel=1e-4)


def test_default_scaling_is_the_face_contract() -> None:
    assert ARCFACE_SCALING.mean == ARCFACE_SCALING.std == (127.5, 127.5, 127.5)
    assert ARCFACE_SCALING.colour_order == "rgb"


def test_scaling_refuses_a_zero_deviation() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        InputScaling(std=(1, 0, 1))


@given(st.lists(faces(), min_size=2, max_size=5))
@settings(max_examples=20, deadline=None)
def test_batch_equals_its_single_faces(
    tiny_session: Session, batch: list[tuple[RgbU8, LandmarksPx]]
) -> None:
    height = max(len(image) for image, _ in batch)
    width = max(image.shape[1] for image, _ in batch)
    images = np.zeros((len(batch), height, width, 3), np.uint8)
    for row, (image, _) in zip(images, batch, strict=True):
        row[: len(image), : image.shape[1]] = image
    landmarks = np.stack([points for _, points in batch])
    (together,) = run(tiny_session, images, landmarks)
    for index in range(len(batch)):
        one = slice(index, index + 1)
        (single,) = run(tiny_session, images[one], landmarks[one])
        np.testing.assert_allclose(together[one], single, atol=1e-6)


@pytest.fixture(scope="module")
def tiny_session(tiny_embedder: onnx.ModelProto) -> Session:
    return session_of(compose(tiny_embedder))


@pytest.mark.parametrize(
    "landmarks",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 4000.1),
        np.full((5, 2), np.nan),
        np.full((5, 2), 1e30),
        np.where(np.arange(10).reshape(5, 2) == 3, np.inf, TEMPLATE_PX),
        np.where(np.arange(10).reshape(5, 2) == 3, np.nan, TEMPLATE_PX),
    ],
    ids=["zero", "one point", "nan", "huge", "one infinite", "one nan"],
)
def test_landmarks_that_span_no_face_give_zeros_and_leave_the_others_alone(
    tiny_session: Session, landmarks: NDArray[np.float64]
) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 90, 80, 3), dtype=np.uint8)
    (embeddings,) = run(tiny_session, images, np.stack([landmarks, TEMPLATE_PX]))
    (alone,) = run(tiny_session, images[1:], TEMPLATE_PX[None])
    assert not embeddings[0].any()
    np.testing.assert_allclose(embeddings[1], alone[0], atol=1e-6)
    assert np.linalg.norm(alone[0]) == pytest.approx(1, abs=1e-5)


def test_embedder_that_answers_zero_stays_zero(tiny_embedder: onnx.ModelProto) -> None:
    mute = onnx.ModelProto()
    mute.CopyFrom(tiny_embedder)
    weights = numpy_helper.to_array(mute.graph.initializer[0])
    mute.graph.initializer[0].CopyFrom(numpy_helper.from_array(0 * weights, "weights"))
    (embeddings,) = run(
        session_of(compose(mute)), np.zeros((1, 20, 20, 3), np.uint8), TEMPLATE_PX[None]
    )
    assert not embeddings.any()


def test_graph_says_what_it_is(tiny_embedder: onnx.ModelProto) -> None:
    model = compose(tiny_embedder)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata == {"contract_id": CONTRACT_ID, "embedding_dim": "64", "max_batch": "64"}
    assert [entry.domain for entry in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}
    onnx.checker.check_model(model, full_check=True)
