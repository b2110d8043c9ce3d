import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.detection import mtcnn_weights
from data.detection.mtcnn_graphs import open_graph
from data.detection.mtcnn_layers import NETWORKS
from data.detection.mtcnn_weights import (
    WEIGHTS_SHA256,
    build_mtcnn,
    read_arrays,
    read_weights,
    weights_folder,
)
from data.detection.pinned import MTCNN_SHA256
from data.errors import WeightsError
from data.files import sha256_file

F64 = NDArray[np.float64]
SIDES = {"pnet": 12, "rnet": 24, "onet": 48}


def weights_of(name: str) -> list[F64]:
    arrays = read_weights(weights_folder() / f"{name}.lz4")
    return [array.astype(np.float64) for array in arrays]


class Layers:
    """The layers as the package `mtcnn` writes them in Keras, one picture (h, w, c) at a time."""

    def __init__(self, arrays: list[F64]) -> None:
        self.arrays = iter(arrays)

    def convolve(self, image: F64) -> F64:
        kernel, bias = next(self.arrays), next(self.arrays)
        windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[:2], axis=(0, 1))
        return np.asarray(np.einsum("ijcuv,uvco->ijo", windows, kernel) + bias)

    def prelu(self, values: F64) -> F64:
        return np.where(values > 0, values, values * next(self.arrays).reshape(-1))

    def block(self, image: F64) -> F64:
        return self.prelu(self.convolve(image))

    def dense(self, values: F64) -> F64:
        return np.asarray(values @ next(self.arrays) + next(self.arrays))


def pool(image: F64, side: int, same: bool) -> F64:
    """Keras' MaxPooling2D with stride 2; `same` pads below and to the right."""
    size = -(-image.shape[0] // 2) if same else (image.shape[0] - side) // 2 + 1
    windows = [slice(2 * i, 2 * i + side) for i in range(size)]
    return np.array([[image[rows, columns].max((0, 1)) for columns in windows] for rows in windows])


def face_share(logits: F64) -> F64:
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray((shares / shares.sum(-1, keepdims=True))[..., 1])


def reference(name: str, image: F64) -> list[F64]:
    """The answers of a network on one scaled picture, in the order of its graph's outputs."""
    layers = Layers(weights_of(name))
    x = layers.block(image)
    if name == "pnet":
        x = layers.block(layers.block(pool(x, 2, same=True)))
        heads = [layers.convolve(x), layers.convolve(x)]
    else:
        x = layers.block(pool(x, 3, same=True))
        x = layers.block(pool(x, 3, same=False))
        if name == "onet":
            x = layers.block(pool(x, 2, same=True))
        x = layers.prelu(layers.dense(x.transpose(1, 0, 2).reshape(-1)))
        heads = [layers.dense(x) for _ in range(3 if name == "onet" else 2)]
    return [face_share(heads[-1]), *heads[:-1]]


@pytest.mark.parametrize("name", NETWORKS)
def test_graphs_answer_as_the_published_networks(name: str, mtcnn_folder: Path) -> None:
    graph = open_graph(mtcnn_folder, f"{name}.onnx", threads=1)
    side = 31 if name == "pnet" else SIDES[name]
    images = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    answers = graph(images)
    for index, image in enumerate(images):
        expected = reference(name, (image.astype(np.float64) - 127.5) / 128)
        assert len(answers) == len(expected)
        for answer, wanted in zip(answers, expected, strict=True):
            np.testing.assert_allclose(answer[index], wanted, atol=2e-4)


def test_the_bytes_are_the_pinned_ones_each_time(tmp_path: Path) -> None:
    first, second = build_mtcnn(tmp_path / "a"), build_mtcnn(tmp_path / "b")
    assert first == second == MTCNN_SHA256
    assert {path.name: sha256_file(path) for path in (tmp_path / "a").iterdir()} == first


def test_a_damaged_graph_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "rnet.onnx").write_bytes(b"half")
    build_mtcnn(tmp_path)
    assert sha256_file(tmp_path / "rnet.onnx") == MTCNN_SHA256["rnet.onnx"]


def test_a_graph_that_comes_out_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**MTCNN_SHA256, "rnet.onnx": "0" * 64}
    monkeypatch.setattr(mtcnn_weights, "MTCNN_SHA256", other)
    with pytest.raises(WeightsError, match=r"rnet\.onnx: comes out with SHA-256"):
        build_mtcnn(tmp_path)
    assert not (tmp_path / "rnet.onnx").exists()


def test_weights_with_one_wrong_bit_are_refused_unread(tmp_path: Path) -> None:
    content = bytearray((weights_folder() / "pnet.lz4").read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "pnet.lz4"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"pnet\.lz4: its SHA-256 .* install mtcnn==1\.0\.0"):
        read_weights(path)


def test_missing_or_unknown_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"pnet\.lz4: cannot be read"):
        read_weights(tmp_path / "pnet.lz4")
    shutil.copy(weights_folder() / "pnet.lz4", tmp_path / "other.lz4")
    with pytest.raises(WeightsError, match=r"other\.lz4: its SHA-256"):
        read_weights(tmp_path / "other.lz4")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtcnn_weights, "find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"package mtcnn is missing; install mtcnn==1\.0\.0"):
        weights_folder()


def test_all_weights_are_pinned() -> None:
    assert {path.name for path in weights_folder().glob("*.lz4")} == set(WEIGHTS_SHA256)


@pytest.mark.parametrize("change", [lambda a: a[:-1], lambda a: [*a, a[0]]], ids=["few", "many"])
def test_a_wrong_number_of_arrays_is_refused(change: Callable[[list[Any]], list[Any]]) -> None:
    arrays = read_weights(weights_folder() / "rnet.lz4")
    with pytest.raises(WeightsError, match=r"too (few|many) arrays"):
        NETWORKS["rnet"](change(arrays))


def dumped(value: object) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream)
    return stream.getvalue()


def test_arrays_come_back() -> None:
    arrays = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)]
    for array, read in zip(arrays, read_arrays(dumped(arrays)), strict=True):
        np.testing.assert_array_equal(array, read)


class Attack:
    """Unpickling it would run a command."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.system, ("touch attacked",)


@pytest.mark.parametrize(
    "value",
    [[Attack()], np.array([Attack()], object), [os.getcwd], {"a": Path("/")}],
    ids=["call", "object array", "function", "path"],
)
def test_a_stream_that_names_anything_else_is_refused(
    value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="names "):
        read_arrays(dumped(value))
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    "value",
    [np.ones(3, np.float32), [np.ones(3)], [1.0], {}, None],
    ids=["bare array", "float64", "number", "mapping", "none"],
)
def test_what_is_no_list_of_float32_arrays_is_refused(value: object) -> None:
    with pytest.raises(WeightsError, match="no list of"):
        read_arrays(dumped(value))


@given(st.integers(0, 299), st.integers(0, 255))
def test_damaged_streams_raise_nothing_else(place: int, byte: int) -> None:
    stream = bytearray(dumped([np.ones((3, 4), np.float32)]))
    stream[place % len(stream)] = byte
    try:
        arrays = read_arrays(bytes(stream))
    except WeightsError:
        return
    assert all(array.dtype == np.float32 for array in arrays)


def test_detecting_needs_none_of_the_build_dependencies() -> None:
    lines = (
        "import sys, data.detection.mtcnn, data.detection.selection, data.quality",
        "print({'onnx', 'joblib', 'lz4', 'mtcnn', 'tensorflow', 'torch'} & set(sys.modules))",
    )
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.stdout.strip() == "set()"


def test_building_never_imports_the_package() -> None:
    code = "import sys, data.detection.mtcnn_weights as w; w.read_weights(w.weights_folder() / "
    code += "'pnet.lz4'); print({'mtcnn', 'tensorflow'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.stdout.strip() == "set()"
