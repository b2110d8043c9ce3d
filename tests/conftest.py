"""A whole, released, tiny bundle: a random embedder in the real graph, and the real detector."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper

from data.detection.config import FacePolicy, MtcnnConfig
from data.detection.mtcnn_weights import build_mtcnn
from data.face import CROP_SIZE_PX
from data.quality_policy import QualityPolicy
from serving.bundle import GateSummary, OperatingPoint, Provenance, ReleaseDraft, seal
from serving.graph import compose, write_graph

# No deadline: a loaded machine is no failure. `make test` draws the same examples every time, so
# that it fails for what was changed; `make test-full` looks for new ones.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("fixed")

# As in every stage (`pipelines.stage.run_stage`), and in pandas 3.
pd.options.mode.copy_on_write = True

TINY_DIM = 64


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tiny_embedder() -> onnx.ModelProto:
    """Sixteen pixels to one, then a random projection: the least that tells faces apart."""
    cells = (CROP_SIZE_PX // 16) ** 2 * 3
    weights = np.random.default_rng(2).normal(size=(cells, TINY_DIM)).astype(np.float32)
    nodes = [
        helper.make_node(
            "AveragePool", ["crop"], ["small"], kernel_shape=[16, 16], strides=[16] * 2
        ),
        helper.make_node("Flatten", ["small"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["features"]),
    ]
    crop: list[int | str] = ["batch", 3, CROP_SIZE_PX, CROP_SIZE_PX]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, crop)],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", TINY_DIM])],
        initializer=[numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture(scope="session")
def tiny_embedder() -> onnx.ModelProto:
    """An embedder of 64 numbers: a float32 crop (batch, 3, 112, 112) in, no norm."""
    return _tiny_embedder()


@pytest.fixture(scope="session")
def tiny_draft() -> ReleaseDraft:
    """What the tiny bundle says of itself: passed its gate, three operating points."""
    points = {
        f"fmr_1e-{power}": OperatingPoint(
            target_fmr=10.0**-power,
            threshold=0.2 + 0.2 * power,
            num_impostor_pairs=5000,
            realised_fmr=10.0**-power,
        )
        for power in (1, 2, 3)
    }
    return ReleaseDraft(
        name="tiny",
        embedding_dim=TINY_DIM,
        architecture="average-pool-projection",
        licence="Apache-2.0",
        source="random weights of the tests",
        provenance=Provenance(
            mlflow_run_id="run-1",
            git_commit="0" * 40,
            params_sha256=_sha256("params"),
            data_sha256=_sha256("data"),
            checkpoint_sha256=_sha256("checkpoint"),
        ),
        detector=MtcnnConfig(),
        face_policy=FacePolicy(),
        quality_policy=QualityPolicy(),
        operating_points=points,
        default_operating_point="fmr_1e-3",
        evaluation_sha256=_sha256("evaluation"),
        gate=GateSummary(verdict="pass", sha256=_sha256("gate")),
    )


@pytest.fixture(scope="session")
def tiny_bundle(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_embedder: onnx.ModelProto,
    tiny_draft: ReleaseDraft,
) -> Path:
    """Folder of a valid, released bundle. Shared: copy it before you change it."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_graph(compose(tiny_embedder), folder / "embed.onnx")
    build_mtcnn(folder / "detector")
    seal(folder, tiny_draft)
    return folder
