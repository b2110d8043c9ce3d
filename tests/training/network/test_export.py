from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.face import l2_normalise, network_input
from training.errors import TrainingDataError
from training.network.embedding import embed_crops
from training.network.export import OPSET, export_embedder
from training.network.iresnet import IResNet, IResNetConfig


def _moved(config: IResNetConfig) -> IResNet:
    """A network whose running means and slopes are not what they start with."""
    torch.manual_seed(2)
    model = IResNet(config).train()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 and name != "features.weight":
            torch.nn.init.uniform_(parameter, 0.2, 1.2)
    for _ in range(20):
        model(torch.rand(8, 3, 112, 112) * 2 - 1)
    return model.eval()


@pytest.fixture(scope="module")
def model() -> IResNet:
    return _moved(IResNetConfig(depths=(2, 1, 1, 2), widths=(4, 6, 8, 8), embedding_dim=16))


@pytest.fixture(scope="module")
def exported(model: IResNet) -> onnx.ModelProto:
    return export_embedder(model)


@pytest.fixture(scope="module")
def session(exported: onnx.ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])


@settings(max_examples=8, deadline=None)
@given(batch=st.integers(1, 5), seed=st.integers(0, 2**16))
def test_graph_computes_what_the_network_does(
    model: IResNet, session: ort.InferenceSession, batch: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    crops = rng.integers(0, 256, (batch, 112, 112, 3), dtype=np.uint8)
    (raw,) = session.run(["embedding"], {"crop": network_input(crops)})
    with torch.inference_mode():
        expected = model(torch.from_numpy(network_input(crops))).numpy()
    np.testing.assert_allclose(raw, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(l2_normalise(raw), embed_crops(model, crops), atol=1e-5)


def test_signature_is_the_contract(exported: onnx.ModelProto) -> None:
    (crop,), (embedding,) = exported.graph.input, exported.graph.output
    assert (crop.name, embedding.name) == ("crop", "embedding")
    dims = [d.dim_param or d.dim_value for d in crop.type.tensor_type.shape.dim]
    assert dims == ["batch", 3, 112, 112]
    dims = [d.dim_param or d.dim_value for d in embedding.type.tensor_type.shape.dim]
    assert dims == ["batch", 16]
    assert [(o.domain, o.version) for o in exported.opset_import] == [("", OPSET)]
    assert OPSET >= 20
    assert {w.data_type for w in exported.graph.initializer} == {onnx.TensorProto.FLOAT}


def test_equal_weights_make_equal_bytes(model: IResNet, exported: onnx.ModelProto) -> None:
    assert export_embedder(model).SerializeToString() == exported.SerializeToString()


def test_weights_have_the_names_of_the_checkpoint(
    model: IResNet, exported: onnx.ModelProto
) -> None:
    names = {weight.name for weight in exported.graph.initializer}
    expected = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert names == expected
    assert str(Path.cwd()).encode() not in exported.SerializeToString()


def test_embed_crops_does_not_depend_on_the_batch(model: IResNet) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (7, 112, 112, 3), dtype=np.uint8)
    whole = embed_crops(model, crops)
    assert whole.shape == (7, 16)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(embed_crops(model, crops, batch_size=2), whole, atol=1e-5)
    assert embed_crops(model, crops[:0]).shape == (0, 16)


def test_embed_crops_leaves_the_network_as_it_was() -> None:
    config = IResNetConfig(depths=(1, 1, 1, 1), widths=(4, 4, 4, 4), embedding_dim=4)
    training = IResNet(config).train()
    before = {name: value.clone() for name, value in training.state_dict().items()}
    embed_crops(training, np.zeros((2, 112, 112, 3), np.uint8))
    assert training.training
    assert all(torch.equal(value, before[name]) for name, value in training.state_dict().items())


def test_embed_crops_refuses_other_shapes(model: IResNet) -> None:
    with pytest.raises(TrainingDataError, match="96"):
        embed_crops(model, np.zeros((2, 96, 96, 3), np.uint8))
