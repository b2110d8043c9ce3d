"""The graph against the numpy reference, its batches against its single faces, and its guards."""

import os
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from data.alignment import align, estimate_similarity
from data.face import CONTRACT_ID, TEMPLATE_PX, LandmarksPx, RgbU8
from data.images import decode_image
from serving.errors import GraphError
from serving.graph import (
    ARCFACE_SCALING,
    IMAGENET_SCALING,
    RAW_SCALING,
    InputScaling,
    build_alignment,
    compose,
    write_graph,
)

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / os.environ.get("EXAMGATE_WEIGHTS_DIR", "../shared/weights") / "embed"
DATA = ROOT / os.environ.get("EXAMGATE_DATA_DIR", "../shared/data")
CROP_VALUES = 3 * 112 * 112

Session: TypeAlias = ort.InferenceSession


def _session(model: onnx.ModelProto) -> Session:
    return Session(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _run(session: Session, images: NDArray[Any], landmarks: NDArray[Any]) -> list[NDArray[Any]]:
    outputs: list[NDArray[Any]] = session.run(
        None, {"image_rgb_u8": images, "landmarks_px": landmarks.astype(np.float32)}
    )
    return outputs


def _crop_embedder(opset: int = 20, batch: int | str = "batch") -> onnx.ModelProto:
    """Its embedding is the crop and a constant 1, so that the crop survives the norm."""
    rows = 1 if batch == 1 else 0
    constants = [
        numpy_helper.from_array(np.array([rows, CROP_VALUES], np.int64), "flat_shape"),
        numpy_helper.from_array(np.zeros((CROP_VALUES, 1), np.float32), "zeros"),
        numpy_helper.from_array(np.ones(1, np.float32), "one"),
    ]
    nodes = [
        helper.make_node("Reshape", ["crop", "flat_shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "zeros"], ["zero"]),
        helper.make_node("Add", ["zero", "one"], ["ones"]),
        helper.make_node("Concat", ["flat", "ones"], ["features"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "crop",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, [batch, 3, 112, 112])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, CROP_VALUES + 1])],
        initializer=constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def _crop_of(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """(112, 112, 3) out of one row of what `_crop_embedder` gives behind the norm."""
    crop: NDArray[np.float32] = (embedding[:-1] / embedding[-1]).reshape(3, 112, 112)
    return crop.transpose(1, 2, 0)


def _float_crop(image: RgbU8, landmarks: LandmarksPx) -> NDArray[np.float32]:
    """The reference without OpenCV's rounding to whole grey levels."""
    matrix = estimate_similarity(landmarks).matrix
    crop = cv2.warpAffine(image.astype(np.float32), matrix, (112, 112))
    return crop.astype(np.float32)


@pytest.fixture(scope="module")
def alignment() -> Session:
    return _session(build_alignment())


@pytest.fixture(scope="module")
def crop_graph() -> Session:
    return _session(compose(_crop_embedder(), input_scaling=RAW_SCALING))


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
    crop, is_face = _run(alignment, image[None], landmarks[None])
    assert is_face.all()
    difference = np.abs(crop[0].transpose(1, 2, 0) - align(image, landmarks))
    assert difference.max() <= 1


def test_composed_graph_gives_the_embedder_the_reference_crop(crop_graph: Session) -> None:
    image = np.random.default_rng(3).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    landmarks = TEMPLATE_PX * 1.3 + 60
    (embedding,) = _run(crop_graph, image[None], landmarks[None])
    assert np.linalg.norm(embedding[0]) == pytest.approx(1, abs=1e-5)
    assert np.abs(_crop_of(embedding[0]) - align(image, landmarks)).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1)])
def test_picture_one_pixel_wide_or_high_is_no_trap(
    alignment: Session, shape: tuple[int, int]
) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    crop, _ = _run(alignment, image[None], TEMPLATE_PX[None] - 30)
    reference = align(image, TEMPLATE_PX - 30)
    assert reference.max() == 200
    assert np.abs(crop[0].transpose(1, 2, 0) - reference).max() <= 1


def test_face_outside_the_picture_is_black(alignment: Session) -> None:
    image = np.full((40, 40, 3), 255, np.uint8)
    crop, is_face = _run(alignment, image[None], TEMPLATE_PX[None] + 1000)
    assert is_face.all()
    assert not crop.any()


@pytest.mark.parametrize("scaling", [ARCFACE_SCALING, IMAGENET_SCALING, RAW_SCALING])
def test_scaling_is_applied_to_each_channel(scaling: InputScaling) -> None:
    session = _session(compose(_crop_embedder(), input_scaling=scaling))
    image = np.empty((112, 112, 3), np.uint8)
    image[:] = (10, 100, 250)
    (embedding,) = _run(session, image[None], TEMPLATE_PX[None])
    expected = (np.array([10, 100, 250]) - scaling.mean) / scaling.std
    assert _crop_of(embedding[0])[56, 56] == pytest.approx(expected, rel=1e-4)


def test_bgr_embedder_gets_blue_first() -> None:
    scaling = InputScaling(mean=(1, 2, 3), std=(1, 1, 1), colour_order="bgr")
    session = _session(compose(_crop_embedder(), input_scaling=scaling))
    image = np.empty((112, 112, 3), np.uint8)
    image[:] = (10, 100, 250)
    (embedding,) = _run(session, image[None], TEMPLATE_PX[None])
    assert _crop_of(embedding[0])[56, 56] == pytest.approx([249, 98, 7], rel=1e-4)


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
    (together,) = _run(tiny_session, images, landmarks)
    for index in range(len(batch)):
        one = slice(index, index + 1)
        (single,) = _run(tiny_session, images[one], landmarks[one])
        np.testing.assert_allclose(together[one], single, atol=1e-6)


@pytest.fixture(scope="module")
def tiny_session(tiny_embedder: onnx.ModelProto) -> Session:
    return _session(compose(tiny_embedder))


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
    (embeddings,) = _run(tiny_session, images, np.stack([landmarks, TEMPLATE_PX]))
    (alone,) = _run(tiny_session, images[1:], TEMPLATE_PX[None])
    assert not embeddings[0].any()
    np.testing.assert_allclose(embeddings[1], alone[0], atol=1e-6)
    assert np.linalg.norm(alone[0]) == pytest.approx(1, abs=1e-5)


def test_embedder_that_answers_zero_stays_zero(tiny_embedder: onnx.ModelProto) -> None:
    mute = onnx.ModelProto()
    mute.CopyFrom(tiny_embedder)
    weights = numpy_helper.to_array(mute.graph.initializer[0])
    mute.graph.initializer[0].CopyFrom(numpy_helper.from_array(0 * weights, "weights"))
    (embeddings,) = _run(
        _session(compose(mute)), np.zeros((1, 20, 20, 3), np.uint8), TEMPLATE_PX[None]
    )
    assert not embeddings.any()


def test_graph_says_what_it_is(tiny_embedder: onnx.ModelProto) -> None:
    model = compose(tiny_embedder)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata == {"contract_id": CONTRACT_ID, "embedding_dim": "64", "max_batch": "64"}
    assert [entry.domain for entry in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}
    onnx.checker.check_model(model, full_check=True)


@pytest.mark.parametrize("opset", [17, 22])
def test_equal_embedders_are_equal_bytes_whoever_exported_them(opset: int, tmp_path: Path) -> None:
    plain, traced = _crop_embedder(opset), _crop_embedder(opset)
    traced.doc_string = "exported at noon"
    for node in traced.graph.node:
        node.doc_string = "/home/somebody/model.py:7"
        node.metadata_props.add(key="stack_trace", value="/home/somebody/model.py:7")
    write_graph(compose(plain), tmp_path / "a.onnx")
    write_graph(compose(traced), tmp_path / "b.onnx")
    written = (tmp_path / "a.onnx").read_bytes()
    assert written == (tmp_path / "b.onnx").read_bytes()
    assert b"somebody" not in (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize("opset", [9, 13, 18, 20, 22])
def test_embedder_of_any_opset_is_lifted(opset: int) -> None:
    model = compose(_crop_embedder(opset), input_scaling=RAW_SCALING)
    assert model.opset_import[0].version == max(opset, 20)
    image = np.random.default_rng(4).integers(0, 256, (130, 120, 3), dtype=np.uint8)
    (embedding,) = _run(_session(model), image[None], TEMPLATE_PX[None])
    assert np.abs(_crop_of(embedding[0]) - align(image, TEMPLATE_PX)).max() <= 1


def test_fixed_batch_is_opened_where_that_changes_nothing() -> None:
    model = compose(_crop_embedder(batch=1), input_scaling=RAW_SCALING)
    images = np.random.default_rng(5).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    (embeddings,) = _run(_session(model), images, np.stack([TEMPLATE_PX] * 3))
    for embedding, image in zip(embeddings, images, strict=True):
        assert np.abs(_crop_of(embedding) - image).max() <= 1


def test_embedder_that_mixes_its_batch_is_kept_to_one_face() -> None:
    """Its features are minus the mean of the batch: runs with any batch, and runs wrong."""
    mixing = _crop_embedder()
    nodes = mixing.graph.node
    nodes[-1].output[0] = "unmixed"
    zeroth = numpy_helper.from_array(np.array([0], np.int64), "zeroth")
    half = numpy_helper.from_array(np.array(0.5, np.float32), "half")
    mixing.graph.initializer.extend([zeroth, half])
    nodes.extend(
        [
            helper.make_node("ReduceMean", ["unmixed", "zeroth"], ["mean"]),
            helper.make_node("Mul", ["mean", "half"], ["half_mean"]),
            helper.make_node("Sub", ["unmixed", "half_mean"], ["features"]),
        ]
    )
    model = compose(mixing)
    assert {e.key: e.value for e in model.metadata_props}["max_batch"] == "1"
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1


def _renamed_domain(model: onnx.ModelProto) -> onnx.ModelProto:
    foreign = onnx.ModelProto()
    foreign.CopyFrom(model)
    foreign.graph.node[0].domain = "com.example"
    foreign.opset_import.append(helper.make_opsetid("com.example", 1))
    return foreign


def test_foreign_ops_are_refused_by_name(tiny_embedder: onnx.ModelProto) -> None:
    with pytest.raises(GraphError, match=r"ops of com\.example; export it with standard"):
        compose(_renamed_domain(tiny_embedder))


def test_two_inputs_are_refused_by_name(tiny_embedder: onnx.ModelProto) -> None:
    two = onnx.ModelProto()
    two.CopyFrom(tiny_embedder)
    two.graph.input.append(helper.make_tensor_value_info("age", TensorProto.FLOAT, [1]))
    with pytest.raises(GraphError, match="takes crop, age, not one float32 crop"):
        compose(two)


@pytest.mark.parametrize(
    ("elem_type", "dims"),
    [(TensorProto.FLOAT, ["n", 3, 96, 112]), (TensorProto.UINT8, ["n", 3, 112, 112])],
)
def test_other_crops_are_refused(
    tiny_embedder: onnx.ModelProto, elem_type: int, dims: list[int | str]
) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(tiny_embedder)
    other.graph.input[0].CopyFrom(helper.make_tensor_value_info("crop", elem_type, dims))
    with pytest.raises(GraphError, match="not one float32 crop"):
        compose(other)


def test_two_outputs_are_refused_by_name(tiny_embedder: onnx.ModelProto) -> None:
    two = onnx.ModelProto()
    two.CopyFrom(tiny_embedder)
    two.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["n", 147]))
    with pytest.raises(GraphError, match="gives features, flat"):
        compose(two)


def test_model_that_does_not_load_is_refused(tiny_embedder: onnx.ModelProto) -> None:
    broken = onnx.ModelProto()
    broken.CopyFrom(tiny_embedder)
    broken.graph.node[1].op_type = "Fatten"
    with pytest.raises(GraphError, match="embedder"):
        compose(broken)


REAL = {
    "mobilefacenet_foamliu": IMAGENET_SCALING,
    "insightface_mfn_y1": RAW_SCALING,
    "mobileface_v2": RAW_SCALING,
    "faceplugin_fr_feature": InputScaling(mean=(127,) * 3, std=(128,) * 3, colour_order="bgr"),
}


@pytest.mark.real_faces
@pytest.mark.parametrize("name", REAL)
def test_pretrained_embedder_in_the_graph_is_the_pretrained_embedder(name: str) -> None:
    path, photo = WEIGHTS / f"{name}.onnx", _photo()
    if not path.is_file():
        pytest.skip(f"{path} is absent: set EXAMGATE_WEIGHTS_DIR")
    scaling, original = REAL[name], onnx.load(path)
    faces = [TEMPLATE_PX * scale + 70 for scale in (0.9, 1.0, 1.1)]
    landmarks = np.stack(faces)
    model = compose(original, input_scaling=scaling)
    assert {e.key: e.value for e in model.metadata_props}["max_batch"] == "64"
    (embeddings,) = _run(_session(model), np.stack([photo] * 3), landmarks)
    for embedding, points in zip(embeddings, landmarks, strict=True):
        (single,) = _run(_session(model), photo[None], points[None])
        np.testing.assert_allclose(embedding, single[0], atol=1e-5)
        expected = _by_hand(original, scaling, _float_crop(photo, points))
        np.testing.assert_allclose(embedding, expected, atol=1e-4)


def _photo() -> RgbU8:
    photos = sorted((DATA / "lfw" / "images").glob("A*/*_0001.jpg"))
    if not photos:
        pytest.skip(f"{DATA}/lfw is absent: set EXAMGATE_DATA_DIR")
    return decode_image(photos[0].read_bytes())


def _by_hand(
    embedder: onnx.ModelProto, scaling: InputScaling, crop: NDArray[np.float32]
) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = Session(embedder.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ordered = crop if scaling.colour_order == "rgb" else crop[:, :, ::-1]
    scaled = ((ordered - np.array(scaling.mean)) / scaling.std).astype(np.float32)
    features = session.run(None, {session.get_inputs()[0].name: scaled.transpose(2, 0, 1)[None]})
    flat: NDArray[np.float32] = features[0].ravel()
    return flat / np.linalg.norm(flat)
