"""Builds MTCNN's graph files from the weights that the PyPI package `mtcnn` 1.0.0 carries (MIT).

Needs the `platform` extra; the server needs only the files. TensorFlow is not needed and `mtcnn`
itself is never imported: its weight files are found, checked against pinned digests, and read by
an unpickler that knows numpy arrays and nothing else.
"""

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import lz4.frame
import numpy as np
from joblib.numpy_pickle import NumpyUnpickler
from numpy.typing import NDArray

from data.detection.mtcnn_layers import NETWORKS
from data.detection.pinned import MTCNN_SHA256
from data.errors import WeightsError
from data.files import sha256_bytes, whole_file

F32 = NDArray[np.float32]

WEIGHTS_SHA256: Final = {
    "pnet.lz4": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet.lz4": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet.lz4": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}
_INSTALL: Final = "install mtcnn==1.0.0 (extra `platform`)"
_ALLOWED: Final = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _ArrayUnpickler(NumpyUnpickler):  # type: ignore[misc]  # joblib has no type information
    """Reads numpy arrays; a stream that names anything else is refused before it acts."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise WeightsError(f"the stream names {module}.{name}, which is no part of an array")
        return super().find_class(module, name)


def read_arrays(stream: bytes) -> list[F32]:
    """Read a joblib stream that holds a list of float32 arrays, and nothing else.

    Raises `WeightsError`.
    """
    try:
        arrays = _ArrayUnpickler(
            filename="", file_handle=io.BytesIO(stream), ensure_native_byte_order=True
        ).load()
    except WeightsError:
        raise
    except Exception as error:  # an unpickler raises whatever broken bytes make it raise
        raise WeightsError("the stream is no list of arrays") from error
    if not isinstance(arrays, list) or not all(
        isinstance(array, np.ndarray) and array.dtype == np.float32 for array in arrays
    ):
        raise WeightsError("the stream is no list of float32 arrays")
    return arrays


def weights_folder() -> Path:
    """Where the installed package `mtcnn` keeps its weights; the package is not imported."""
    spec = find_spec("mtcnn")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f"the package mtcnn is missing; {_INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "assets" / "weights"


def read_weights(path: Path) -> list[F32]:
    """Check one weight file against its pinned digest, then read it. Raises `WeightsError`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read; {_INSTALL}") from error
    if sha256_bytes(content) != WEIGHTS_SHA256.get(path.name):
        raise WeightsError(f"{path}: its SHA-256 is not the pinned one; {_INSTALL}")
    return read_arrays(lz4.frame.decompress(content))


def build_mtcnn(folder: Path) -> dict[str, str]:
    """Write `pnet.onnx`, `rnet.onnx` and `onet.onnx`; returns the SHA-256 of each.

    The bytes are the same on every machine. Raises `WeightsError` where the weights are missing or
    not the pinned ones, or where a graph does not come out as pinned.
    """
    digests = {}
    for name, network in NETWORKS.items():
        weights = read_weights(weights_folder() / f"{name}.lz4")
        content = network(weights).SerializeToString(deterministic=True)
        path = folder / f"{name}.onnx"
        digests[path.name] = sha256_bytes(content)
        if digests[path.name] != MTCNN_SHA256[path.name]:
            raise WeightsError(
                f"{path}: comes out with SHA-256 {digests[path.name]}, which is not the pinned one;"
                " install onnx as the lock file has it"
            )
        with whole_file(path) as partial:
            partial.write_bytes(content)
    return digests
