"""What a detector does to verification: LFW's protocol with one wrapped embedder."""

import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import onnx

from data.detection.base import Detector
from data.detection.config import FacePolicy
from data.detection.selection import select_face
from data.errors import ImageError
from data.images import decode_image
from data.lfw_pairs import read_lfw_pairs
from data.published import published_pairs
from evaluation.measures.tenfold import tenfold_accuracy
from pipelines.catalogue import PretrainedEmbedder
from pipelines.errors import ModelError
from pipelines.models import find, verified
from serving.engine import Engine, EngineConfig, OnnxRuntimeEngine
from serving.graph import compose, write_graph

EMBEDDER: Final = "mobilefacenet_foamliu"
_POLICY: Final = FacePolicy(
    selection="largest_central", min_eye_distance_px=8, max_nose_offset=10.0
)


def lfw_accuracy(detector: Detector, folder: Path, num_folds: int) -> str:
    """Accuracy over the first folds, its standard error, and the photos without a face; or why not.

    Each photo is cropped at the detector's landmarks. A photo without a face matches nobody.
    """
    try:
        engine = _engine()
    except ModelError as error:
        return str(error)
    listed = read_lfw_pairs(folder / "pairs.txt")
    if listed.fold is None:
        return f"{folder / 'pairs.txt'} has no folds"
    taken = listed.fold < num_folds
    image_ids = sorted({*listed.left_ids[taken], *listed.right_ids[taken]})
    found = [_embed(detector, engine, _photo(folder, name)) for name in image_ids]
    embeddings = np.stack([np.zeros(engine.embedding_dim) if e is None else e for e in found])
    chosen = published_pairs(
        listed.left_ids[taken],
        listed.right_ids[taken],
        listed.is_genuine[taken],
        listed.fold[taken],
    )
    pairs = chosen.on(image_ids)
    scores = np.einsum("ij,ij->i", embeddings[pairs.left], embeddings[pairs.right])
    failed = np.array([each is None for each in found])
    scores[failed[pairs.left] | failed[pairs.right]] = -np.inf
    accuracy = tenfold_accuracy(scores, pairs)
    return (
        f"{100 * accuracy.mean:.2f} ± {100 * accuracy.standard_error:.2f} % ({failed.sum()} missed)"
    )


def _engine() -> Engine:
    root = Path.cwd()
    scaling = find(EMBEDDER, PretrainedEmbedder).scaling
    graph = compose(onnx.load_model_from_string(verified(root, EMBEDDER)), input_scaling=scaling)
    with tempfile.TemporaryDirectory() as folder:
        write_graph(graph, Path(folder) / "embed.onnx")
        return OnnxRuntimeEngine(Path(folder) / "embed.onnx", EngineConfig(threads=1))


def _photo(folder: Path, image_id: str) -> bytes:
    return (folder / "images" / image_id[: image_id.rindex("_")] / f"{image_id}.jpg").read_bytes()


def _embed(detector: Detector, engine: Engine, content: bytes) -> np.ndarray | None:
    image = decode_image(content)
    try:
        face = select_face(detector.detect(image), (image.shape[0], image.shape[1]), _POLICY)
    except ImageError:
        return None
    embedding: np.ndarray = engine.embed(image[None], face.landmarks_px[None])[0].astype(float)
    return embedding
