"""Frozen models on real crops: rows in their places, unit length, digests checked."""

from pathlib import Path

import numpy as np
import pytest

from data.errors import WeightsError
from pipelines.errors import ModelError
from pipelines.frozen import frozen_embeddings
from pipelines.models import find
from pipelines.pretrained import locate
from training.loading.crop_sources import PackedCrops

ROOT = Path(__file__).resolve().parents[2]
NAME = "mobilefacenet_foamliu"


def test_unknown_model_is_refused_by_name() -> None:
    crops = np.zeros((1, 112, 112, 3), np.uint8)
    with pytest.raises(ModelError, match="no embedder 'nobody'"):
        frozen_embeddings(ROOT, ["nobody"], PackedCrops(crops), np.array([0]))
    with pytest.raises(ModelError, match="no embedder 'gear'"):
        frozen_embeddings(ROOT, ["gear"], PackedCrops(crops), np.array([0]))


@pytest.mark.real_faces
def test_rows_follow_the_manifest_and_rejected_ones_are_zero() -> None:
    try:
        if locate(ROOT, find(NAME)) is None:
            pytest.skip(f"no {NAME}; set EXAMGATE_WEIGHTS_DIR")
    except WeightsError:
        pytest.skip(f"no {NAME}; set EXAMGATE_WEIGHTS_DIR")
    crops = np.random.default_rng(0).integers(0, 256, (19, 112, 112, 3)).astype(np.uint8)
    crop_index = np.array([3, -1, 0, 18])
    rows = frozen_embeddings(ROOT, [NAME], PackedCrops(crops), crop_index)[NAME]
    assert rows.shape == (4, 128)
    assert np.allclose(np.linalg.norm(rows, axis=1), [1, 0, 1, 1], atol=1e-5)
    alone = frozen_embeddings(ROOT, [NAME], PackedCrops(crops[18:]), np.array([0]))[NAME]
    assert np.allclose(rows[3], alone[0], atol=1e-4)
