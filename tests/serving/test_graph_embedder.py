"""Embedders of any make inside the graph: lifted, opened, or refused by name."""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from data.alignment import align
from data.face import TEMPLATE_PX, RgbU8
from data.images import decode_image
from serving.errors import GraphError
from serving.graph import (
    IMAGENET_SCALING,
    RAW_SCALING,
    InputScaling,
    compose,
    write_graph,
)
from tests.serving.graphs import Session, crop_embedder, crop_of, float_crop, run, session_of

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / os.environ.get("EXAMGATE_WEIGHTS_DIR", "../shared/weights") / "embed"
DATA = ROOT / os.environ.get("EXAMGATE_DATA_DIR", "../shared/data")


@pytest.mark.parametrize("opset", [17, 22])
def test_equal_embedders_are_equal_bytes_whoever_exported_them(opset: int, tmp_path: Path) -> None:
    plain, traced = crop_embedder(opset), crop_embedder(opset)
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
    model = compose(crop_embedder(opset), input_scaling=RAW_SCALING)
    assert model.opset_import[0].version == max(opset, 20)
    image = np.random.default_rng(4).integers(0, 256, (130, 120, 3), dtype=np.uint8)
    (embedding,) = run(session_of(model), image[None], TEMPLATE_PX[None])
    assert np.abs(crop_of(embedding[0]) - align(image, TEMPLATE_PX)).max() <= 1


def test_fixed_batch_is_opened_where_that_changes_nothing() -> None:
    model = compose(crop_embedder(batch=1), input_scaling=RAW_SCALING)
    images = np.random.default_rng(5).integers(0, 256, (3, 112, 112, 3), dtype=np.uint8)
    (embeddings,) = run(session_of(model), images, np.stack([TEMPLATE_PX] * 3))
    for embedding, image in zip(embeddings, images, strict=True):
        assert np.abs(crop_of(embedding) - image).max() <= 1


def test_embedder_that_mixes_its_batch_is_kept_to_one_face() -> None:
    """Its features are minus the mean of the batch: runs with any batch, and runs wrong."""
    mixing = crop_embedder()
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
    (embeddings,) = run(session_of(model), np.stack([photo] * 3), landmarks)
    for embedding, points in zip(embeddings, landmarks, strict=True):
        (single,) = run(session_of(model), photo[None], points[None])
        np.testing.assert_allclose(embedding, single[0], atol=1e-5)
        expected = _by_hand(original, scaling, float_crop(photo, points))
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
