"""One network of a detector: a file with a pinned digest, run by ONNX Runtime."""

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from data.errors import WeightsError
from data.files import sha256_bytes

F32 = NDArray[np.float32]

_ERRORS_ONLY: Final = 3  # SCRFD's file declares output sizes of 640 x 640 and warns of any other


class Network:
    """Safe to call from several threads: ONNX Runtime's sessions keep nothing between runs."""

    def __init__(self, path: Path, sha256: str, remedy: str, threads: int = 1) -> None:
        """Load a file; raises `WeightsError` with the remedy where it is not the pinned one."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path}: cannot be read; {remedy}") from error
        if sha256_bytes(content) != sha256:
            raise WeightsError(f"{path}: its SHA-256 is not the pinned one; {remedy}")
        self._session = _session(content, threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: NDArray[np.uint8] | F32) -> list[F32]:
        """Run the network on a batch; its outputs in the order of the file."""
        outputs: list[F32] = self._session.run(None, {self._input: images})
        return outputs


def _session(content: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Idle threads must not burn the cores that the next request needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
