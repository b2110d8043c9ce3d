"""The engine against the bare graph, and what it refuses."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from data.face import TEMPLATE_PX
from serving.bundle import ReleaseDraft, open_bundle, seal
from serving.engine import Engine, EngineConfig, Images, Landmarks, OnnxRuntimeEngine, load_engine
from serving.errors import EngineError
from serving.graph import build_alignment, write_graph

CONFIG = EngineConfig()


@pytest.fixture(scope="module")
def engine(tiny_bundle: Path) -> Engine:
    return load_engine(open_bundle(tiny_bundle), CONFIG)


@pytest.fixture(scope="module")
def whole_picture(tiny_bundle: Path) -> ort.InferenceSession:
    """The graph without the engine: it reads the whole picture."""
    return ort.InferenceSession(tiny_bundle / "embed.onnx", providers=["CPUExecutionProvider"])


def _faces(seed: int, count: int, height: int, width: int) -> tuple[Images, Landmarks]:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    scale = rng.uniform(0.2, 4, (count, 1, 1)) * rng.choice([-1, 1], (count, 1, 2))
    shift = rng.uniform(-0.3, 1.3, (count, 1, 2)) * (width, height)
    landmarks = (TEMPLATE_PX - 56) * scale + shift + rng.normal(0, 2, (count, 5, 2))
    return images, landmarks.astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 4),
    height=st.integers(1, 500),
    width=st.integers(1, 500),
)
@settings(max_examples=60, deadline=None)
def test_cutting_the_picture_down_changes_no_embedding(
    engine: Engine,
    whole_picture: ort.InferenceSession,
    seed: int,
    count: int,
    height: int,
    width: int,
) -> None:
    images, landmarks = _faces(seed, count, height, width)
    feeds = {"image_rgb_u8": images, "landmarks_px": landmarks}
    expected = whole_picture.run(["embedding"], feeds)[0]
    np.testing.assert_allclose(engine.embed(images, landmarks), expected, atol=5e-5)


def test_more_faces_than_one_run_takes(tiny_bundle: Path, engine: Engine) -> None:
    images, landmarks = _faces(1, 7, 120, 160)
    small = load_engine(open_bundle(tiny_bundle), EngineConfig(max_batch=3))
    np.testing.assert_allclose(
        small.embed(images, landmarks), engine.embed(images, landmarks), atol=1e-5
    )


def test_graph_of_one_face_a_run_is_fed_one_by_one(
    tiny_bundle: Path, engine: Engine, tmp_path: Path
) -> None:
    model = onnx.load(tiny_bundle / "embed.onnx")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**metadata, "max_batch": "1"})
    write_graph(model, tmp_path / "embed.onnx")
    single = OnnxRuntimeEngine(tmp_path / "embed.onnx", CONFIG)
    images, landmarks = _faces(2, 3, 100, 100)
    np.testing.assert_allclose(
        single.embed(images, landmarks), engine.embed(images, landmarks), atol=1e-5
    )


def test_no_face_gives_no_embedding(engine: Engine) -> None:
    embeddings = engine.embed(np.zeros((0, 9, 9, 3), np.uint8), np.zeros((0, 5, 2), np.float32))
    assert embeddings.shape == (0, engine.embedding_dim) == (0, 64)


def test_a_view_and_a_read_only_picture_are_fine(engine: Engine) -> None:
    images, landmarks = _faces(3, 2, 90, 110)
    bgr = np.ascontiguousarray(images[..., ::-1])
    bgr.setflags(write=False)
    np.testing.assert_array_equal(
        engine.embed(bgr[..., ::-1], landmarks), engine.embed(images, landmarks)
    )


@pytest.mark.parametrize("value", [0, np.nan, np.inf, -np.inf, 1e30])
def test_landmarks_that_span_no_face_match_nobody(engine: Engine, value: float) -> None:
    images, landmarks = _faces(4, 2, 90, 110)
    landmarks[0] = value
    embeddings = engine.embed(images, landmarks)
    assert not embeddings[0].any()
    assert np.linalg.norm(embeddings[1]) == pytest.approx(1, abs=1e-5)


def test_threads_share_one_engine(engine: Engine) -> None:
    images, landmarks = _faces(5, 8, 100, 100)
    with ThreadPoolExecutor(4) as pool:
        rows = pool.map(lambda i: engine.embed(images[i : i + 1], landmarks[i : i + 1]), range(8))
        together = np.concatenate(list(rows))
    np.testing.assert_allclose(together, engine.embed(images, landmarks), atol=1e-5)


GOOD_IMAGE = np.zeros((1, 20, 20, 3), np.uint8)
GOOD_LANDMARKS = TEMPLATE_PX[None]


@pytest.mark.parametrize(
    ("images", "landmarks", "message"),
    [
        (GOOD_IMAGE.astype(np.float32), GOOD_LANDMARKS, "pictures are float32"),
        (GOOD_IMAGE[0], GOOD_LANDMARKS, r"pictures are uint8 \(20, 20, 3\)"),
        (GOOD_IMAGE[..., :1], GOOD_LANDMARKS, r"\(1, 20, 20, 1\), wanted uint8"),
        (GOOD_IMAGE[:, :0], GOOD_LANDMARKS, "hold no pixel"),
        (GOOD_IMAGE, GOOD_LANDMARKS.astype(np.float64), "landmarks are float64"),
        (GOOD_IMAGE, GOOD_LANDMARKS[0], r"landmarks are float32 \(5, 2\)"),
        (GOOD_IMAGE, GOOD_LANDMARKS[:, :4], r"landmarks are float32 \(1, 4, 2\)"),
        (GOOD_IMAGE, np.repeat(GOOD_LANDMARKS, 2, 0), r"wanted float32 \(1, 5, 2\)"),
    ],
)
def test_other_shapes_and_types_are_refused(
    engine: Engine, images: Images, landmarks: Landmarks, message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        engine.embed(images, landmarks)


def test_device_that_is_not_there_is_an_error_and_no_fallback(tiny_bundle: Path) -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(EngineError, match="no CUDAExecutionProvider here; install the build"):
        load_engine(open_bundle(tiny_bundle), EngineConfig(device="cuda"))


def test_graph_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "embed.onnx").write_bytes(b"no graph")
    with pytest.raises(EngineError, match=r"cannot load .*embed\.onnx"):
        OnnxRuntimeEngine(tmp_path / "embed.onnx", CONFIG)
    with pytest.raises(EngineError, match=r"cannot load .*absent\.onnx"):
        OnnxRuntimeEngine(tmp_path / "absent.onnx", CONFIG)


def test_graph_of_another_signature_is_refused() -> None:
    with pytest.raises(EngineError, match=r"gives .*crop_rgb.* build it with"):
        OnnxRuntimeEngine(build_alignment().SerializeToString(), CONFIG)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("contract_id", "arcface-112-bgr", "face contract 'arcface-112-bgr', this server"),
        ("embedding_dim", "many", "embedding_dim is 'many', which is no count"),
        ("max_batch", "0", "max_batch is '0', which is no count"),
    ],
)
def test_metadata_is_checked(tiny_bundle: Path, key: str, value: str, message: str) -> None:
    model = onnx.load(tiny_bundle / "embed.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**metadata, key: value})
    with pytest.raises(EngineError, match=message):
        OnnxRuntimeEngine(model.SerializeToString(), CONFIG)


def test_metadata_that_lies_about_the_dimension_is_caught(tiny_bundle: Path) -> None:
    model = onnx.load(tiny_bundle / "embed.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {**metadata, "embedding_dim": "128"})
    lying = OnnxRuntimeEngine(model.SerializeToString(), CONFIG)
    with pytest.raises(EngineError, match="not 128 numbers a face"):
        lying.embed(GOOD_IMAGE, GOOD_LANDMARKS)


def test_release_and_graph_must_agree_on_the_dimension(
    tiny_bundle: Path, tiny_draft: ReleaseDraft, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    seal(folder, tiny_draft.revised(embedding_dim=512))
    with pytest.raises(EngineError, match="gives 64 numbers a face, its release says 512"):
        load_engine(open_bundle(folder), CONFIG)
