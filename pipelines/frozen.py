"""Embeddings of the crops by frozen models of the catalogue: judges that no run of ours trains.

Duplicates, wrong labels and look-alikes are judged by models that are not under test.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from data.face import TEMPLATE_PX
from pipelines.catalogue import PretrainedEmbedder
from pipelines.environment import usable_workers
from pipelines.models import find, verified
from pipelines.stage import progress
from serving.engine import EngineConfig, OnnxRuntimeEngine
from serving.graph import compose
from training.loading.crop_sources import CropSource

_BATCH: Final = 16

Embeddings = NDArray[np.float32]


def frozen_embeddings(
    root: Path, names: Sequence[str], crops: CropSource, crop_index: NDArray[np.int64]
) -> dict[str, Embeddings]:
    """Embed m crops with each named model; one row (n, d) for each manifest row.

    Rows have unit length; a row without a crop (`crop_index` -1) is zero. Raises `ModelError` for
    an unknown or altered model.
    """
    return {name: _by_row(_embed(root, name, crops), crop_index) for name in names}


def _by_row(embeddings: Embeddings, crop_index: NDArray[np.int64]) -> Embeddings:
    rows = np.zeros((len(crop_index), embeddings.shape[1]), np.float32)
    rows[crop_index >= 0] = embeddings[crop_index[crop_index >= 0]]
    return rows


def _embed(root: Path, name: str, source: CropSource) -> Embeddings:
    model = find(name, PretrainedEmbedder)
    graph = compose(
        onnx.load_model_from_string(verified(root, name)), input_scaling=model.scaling
    ).SerializeToString()
    engine = OnnxRuntimeEngine(graph, EngineConfig(), name=name)

    def one(batch: slice) -> Embeddings:
        crops = source.read(np.arange(batch.start, min(batch.stop, len(source))))
        # A crop lies on the template already, so aligning it again is the identity.
        embedded: Embeddings = engine.embed(crops, np.stack([TEMPLATE_PX] * len(crops)))
        return embedded

    found = np.zeros((len(source), engine.embedding_dim), np.float32)
    advance = progress(f"embed with {name}")
    with ThreadPoolExecutor(usable_workers()) as pool:
        for batch, embedded in zip(
            _batches(len(found)), pool.map(one, _batches(len(found))), strict=True
        ):
            found[batch] = embedded
            advance(min(batch.stop, len(found)), len(found))
    return found


def _batches(num_crops: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, num_crops, _BATCH))
