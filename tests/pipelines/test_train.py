"""The wiring of the stage `train`; the run itself is in tests/e2e and tests/pipelines/launching."""

import numpy as np
import pandas as pd

from pipelines.train import run_of
from pipelines.training_inputs import TrainingInputs, labels_of_crops, weights_of_crops
from training.loading.crop_sources import PackedCrops
from training.loading.training_data import TrainingData

TABLE = pd.DataFrame({"crop_index": [2, -1, 0, 1], "label": [1, -1, 0, -1]})


def test_labels_are_in_the_order_of_the_crops() -> None:
    assert labels_of_crops(TABLE, 4).tolist() == [0, -1, 1, -1]


def test_weights_are_in_the_order_of_the_crops() -> None:
    table = TABLE.assign(sampling_weight=[1.5, 0.0, 0.5, 0.0])
    weights = weights_of_crops(table, 4)
    assert weights is not None
    assert weights.tolist() == [0.5, 0.0, 1.5, 0.0]


def test_equal_weights_are_none() -> None:
    table = TABLE.assign(sampling_weight=[1.0, 0.0, 1.0, 0.0])
    assert weights_of_crops(table, 4) is None


def test_digest_is_of_the_manifest_and_the_crops_trained_on() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    labels = np.array([0, -1, 1])

    def digest(crops_rgb_u8: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], manifest: str) -> str:
        data = TrainingData(PackedCrops(crops_rgb_u8), labels)
        return TrainingInputs(data, manifest).sha256()

    before = digest(crops, "a")
    other, same = crops.copy(), crops.copy()
    other[2, 0, 0, 0] ^= 1
    same[1, 0, 0, 0] ^= 1
    assert digest(other, "a") != before
    assert digest(crops, "b") != before
    assert digest(same, "a") == before


def test_checkpoint_names_its_mlflow_run() -> None:
    assert run_of({"history": [], "notes": {"mlflow_run_id": "abc"}}) == "abc"
    assert run_of({"history": [], "notes": {}}) is None
