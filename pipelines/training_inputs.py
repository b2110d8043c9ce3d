"""What the stage `train` trains on: crops, a class for each, and how often each is drawn."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from data.files import sha256_bytes, sha256_file
from data.manifest import CURATED_SCHEMA, read_manifest
from pipelines.aligned_crops import open_aligned_crops
from pipelines.layout import Layout
from training.loading.arrays import Labels, Weights
from training.loading.crop_sources import CropSource
from training.loading.training_data import TrainingData

_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """Crops and labels, and where they came from."""

    data: TrainingData
    manifest_sha256: str

    def sha256(self) -> str:
        """Digest of the curated manifest and of the crops trained on, in their order."""
        pixels = hashlib.sha256()
        rows = np.flatnonzero(self.data.labels >= 0)
        for start in range(0, len(rows), _AT_ONCE):
            for content in self.data.crops.stored(rows[start : start + _AT_ONCE]):
                pixels.update(content)
        return sha256_bytes(f"{self.manifest_sha256}  {pixels.hexdigest()}".encode())


def read_inputs(layout: Layout) -> TrainingInputs:
    """Open what `align` and `curate` wrote; pixels stay on the disk."""
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    crops: CropSource = open_aligned_crops(layout)
    data = TrainingData(
        crops, labels_of_crops(table, len(crops)), weights_of_crops(table, len(crops))
    )
    return TrainingInputs(data, sha256_file(layout.curated_manifest))


def labels_of_crops(table: pd.DataFrame, num_crops: int) -> Labels:
    """Class of each crop, -1 for one that is not trained on, in the order of the crops' file."""
    taken = table[table["label"] >= 0]
    labels = np.full(num_crops, -1, np.int64)
    labels[taken["crop_index"].to_numpy()] = taken["label"].to_numpy()
    return labels


def weights_of_crops(table: pd.DataFrame, num_crops: int) -> Weights | None:
    """Sampling weight of each crop in the order of the crops' file, or None where all are alike."""
    taken = table[table["label"] >= 0]
    if taken["sampling_weight"].nunique() <= 1:
        return None
    weights = np.zeros(num_crops)
    weights[taken["crop_index"].to_numpy()] = taken["sampling_weight"].to_numpy()
    return weights
