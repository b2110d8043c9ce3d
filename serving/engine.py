"""Runs `embed.onnx`: pictures and landmarks in, unit embeddings out."""

from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from pydantic import BaseModel, ConfigDict, Field

from data.face import CONTRACT_ID
from serving.bundle import EMBEDDER_FILE, Bundle
from serving.errors import EngineError
from serving.regions import cut_regions

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_INPUTS: Final = {"image_rgb_u8": "tensor(uint8)", "landmarks_px": "tensor(float)"}
_OUTPUTS: Final = {"embedding": "tensor(float)"}
ORT_ERRORS: Final = (
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.NoSuchFile,
    ort_errors.RuntimeException,
)
"""ONNX Runtime's own exceptions share no base class."""

Images = NDArray[np.uint8]
Landmarks = NDArray[np.float32]
Embeddings = NDArray[np.float32]


class EngineConfig(BaseModel):
    """How a graph is run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Literal["cpu", "cuda"] = "cpu"
    """Where it runs; a device that is not there is an error, never a quiet step down to the CPU."""
    threads: int = Field(default=1, ge=1)
    """Threads within one run. Few callers want all cores, many callers one thread each."""
    allow_spinning: bool = False
    """Let idle threads burn a core while they wait; worth it only on cores that nobody shares."""
    max_batch: int = Field(default=16, ge=1)
    """Faces in one run; more are split. A CPU gains nothing beyond, and pays in memory."""


class Engine(Protocol):
    """What turns pictures into embeddings. Safe to call from several threads."""

    @property
    def embedding_dim(self) -> int:
        """Length of an embedding."""

    def embed(self, image_rgb_u8: Images, landmarks_px: Landmarks) -> Embeddings:
        """Embed one face in each picture.

        Takes pictures (n, height, width, 3) and landmarks (n, 5, 2), gives (n, embedding_dim) of
        unit length; landmarks that span no face give the zero vector, which matches nobody.
        Raises `EngineError` for other shapes or types.
        """


class OnnxRuntimeEngine:
    """`Engine` on ONNX Runtime. Safe to call from several threads."""

    def __init__(self, model: Path | bytes, config: EngineConfig, name: str | None = None) -> None:
        """Load a graph made by `serving.graph`, from a path or from bytes already verified.

        `name` is what errors call it; a path is its own name.

        Raises `EngineError` where it is no such graph, or the device is not there.
        """
        self._name = name or (str(model) if isinstance(model, Path) else "the graph")
        self._session = _load(model, self._name, config)
        _check_signature(self._session, self._name)
        metadata = self._session.get_modelmeta().custom_metadata_map
        _check_contract(metadata, self._name)
        self._dim = _count(metadata, "embedding_dim", self._name)
        self._max_batch = min(config.max_batch, _count(metadata, "max_batch", self._name))

    @property
    def embedding_dim(self) -> int:
        """Length of an embedding."""
        return self._dim

    def embed(self, image_rgb_u8: Images, landmarks_px: Landmarks) -> Embeddings:
        """Embed one face in each picture; see `Engine.embed`."""
        _check_faces(image_rgb_u8, landmarks_px)
        found = np.empty((len(image_rgb_u8), self._dim), np.float32)
        for start in range(0, len(found), self._max_batch):
            part = slice(start, start + self._max_batch)
            found[part] = self._run(image_rgb_u8[part], landmarks_px[part])
        return found

    def _run(self, images: Images, landmarks: Landmarks) -> Embeddings:
        regions, moved = cut_regions(images, landmarks)
        feeds = {"image_rgb_u8": regions, "landmarks_px": moved}
        try:
            embeddings: Embeddings = self._session.run(["embedding"], feeds)[0]
        except ORT_ERRORS as error:
            raise EngineError(f"{self._name} failed on {images.shape}: {error}") from error
        if embeddings.shape != (len(images), self._dim) or not np.isfinite(embeddings).all():
            raise EngineError(
                f"{self._name} gave {embeddings.shape} with NaN or infinity, or not "
                f"{self._dim} numbers a face; build the bundle again"
            )
        return embeddings


def load_engine(bundle: Bundle, config: EngineConfig) -> OnnxRuntimeEngine:
    """Load a bundle's embedder out of bytes that are hashed once more.

    Raises `EngineError` where the graph does not match its release, and `BundleDigestError` or
    `BundleMissingError` where the file changed since the bundle was opened.
    """
    name = str(bundle.folder / EMBEDDER_FILE)
    engine = OnnxRuntimeEngine(bundle.read(EMBEDDER_FILE), config, name)
    if engine.embedding_dim != bundle.release.embedding_dim:
        raise EngineError(
            f"{name} gives {engine.embedding_dim} numbers a face, its "
            f"release says {bundle.release.embedding_dim}; seal the bundle again"
        )
    return engine


def _load(model: Path | bytes, name: str, config: EngineConfig) -> ort.InferenceSession:
    provider = PROVIDERS[config.device]
    if provider not in ort.get_available_providers():
        raise EngineError(
            f"ONNX Runtime has no {provider} here; install the build that does, or set device to "
            f"cpu"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = config.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    spinning = "1" if config.allow_spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    source = str(model) if isinstance(model, Path) else model
    try:
        session = ort.InferenceSession(source, options, providers=[provider])
    except ORT_ERRORS as error:
        raise EngineError(f"ONNX Runtime cannot load {name}: {error}") from error
    if session.get_providers()[0] != provider:
        raise EngineError(f"{name} runs on {session.get_providers()[0]}, asked was {provider}")
    return session


def _check_signature(session: ort.InferenceSession, name: str) -> None:
    inputs = {value.name: value.type for value in session.get_inputs()}
    outputs = {value.name: value.type for value in session.get_outputs()}
    if inputs != _INPUTS or outputs != _OUTPUTS:
        raise EngineError(
            f"{name} takes {inputs} and gives {outputs}; build it with `serving.graph.compose`"
        )


def _check_contract(metadata: dict[str, str], name: str) -> None:
    contract = metadata.get("contract_id")
    if contract != CONTRACT_ID:
        raise EngineError(
            f"{name} keeps the face contract {contract!r}, this server {CONTRACT_ID!r}; "
            f"build it again"
        )


def _count(metadata: dict[str, str], key: str, name: str) -> int:
    text = metadata.get(key, "")
    if not text.isdecimal() or int(text) < 1:
        raise EngineError(f"{name} says {key} is {text!r}, which is no count; build it again")
    return int(text)


def _check_faces(images: Images, landmarks: Landmarks) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise EngineError(
            f"pictures are {images.dtype} {images.shape}, wanted uint8 (n, height, width, 3)"
        )
    if 0 in images.shape[1:3]:
        raise EngineError(f"pictures of {images.shape} hold no pixel")
    if landmarks.dtype != np.float32 or landmarks.shape != (len(images), 5, 2):
        raise EngineError(
            f"landmarks are {landmarks.dtype} {landmarks.shape}, wanted float32 "
            f"({len(images)}, 5, 2)"
        )
