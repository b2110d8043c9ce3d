"""MTCNN's three graph files: their names, their pinned digests, and loading them.

All take RGB uint8 pictures in NHWC order and scale them themselves.

    pnet.onnx   image (n, h, w, 3)    -> face (n, h', w'), box_offsets (n, h', w', 4)
    rnet.onnx   image (n, 24, 24, 3)  -> face (n,), box_offsets (n, 4)
    onet.onnx   image (n, 48, 48, 3)  -> face (n,), box_offsets (n, 4), landmarks (n, 10)
"""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from data.errors import WeightsError
from data.files import sha256_bytes

F32 = NDArray[np.float32]

GRAPH_SHA256: Final = {
    "pnet.onnx": "e24e553f0e40e62e409aced07951383e5837cdeede7e434070c6378e4de1dba9",
    "rnet.onnx": "8cfb622e2c1aa7b2bf18bca947d6a7727b6d709e244da830230e55f47fdddf6c",
    "onet.onnx": "48dde55dcabbe4fe5d2e3793955a3aaa0ec2c529130bdddb3616ce2ef5d65fd0",
}
REMEDY: Final = "build it with data.detection.mtcnn_weights.build_mtcnn"


def _session(content: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must not burn the cores that the next request needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class Graph:
    """One of the three networks. Safe to call from several threads."""

    def __init__(self, folder: Path, name: str, threads: int) -> None:
        """Load `name` from a folder; raises `WeightsError` where it is not the pinned file."""
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read; {REMEDY}") from error
        if sha256_bytes(content) != GRAPH_SHA256[name]:
            raise WeightsError(f"{path}: its SHA-256 is not the pinned one; {REMEDY}")
        self._session = _session(content, threads)

    def __call__(self, image_rgb_u8: NDArray[np.uint8]) -> list[F32]:
        """Run the network on pictures (n, h, w, 3); its outputs in the order of this module."""
        outputs: list[F32] = self._session.run(None, {"image": image_rgb_u8})
        return outputs
