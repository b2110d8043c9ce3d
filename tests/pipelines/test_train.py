"""The wiring of the stage `train`; the run itself is in tests/e2e."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.train import data_sha256, labels_of_crops, weights_of_crops

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


def test_digest_is_of_the_crops_trained_on(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.parquet"
    manifest.write_bytes(b"rows")
    crops = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)
    labels = np.array([0, -1, 1])
    before = data_sha256(manifest, crops, labels)
    other, same = crops.copy(), crops.copy()
    other[2, 0, 0, 0] ^= 1
    same[1, 0, 0, 0] ^= 1
    assert data_sha256(manifest, other, labels) != before
    assert data_sha256(manifest, same, labels) == before
