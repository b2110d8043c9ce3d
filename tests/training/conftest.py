"""A toy data set that a tiny network learns in seconds, and that network's size."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX
from training.augmentation.augment import AugmentConfig
from training.config import TrainConfig
from training.heads.config import ArcFaceConfig
from training.network.iresnet import IResNetConfig
from training.validation import ValidationConfig


@dataclass(frozen=True)
class ToySet:
    crops_rgb_u8: NDArray[np.uint8]
    labels: NDArray[np.int64]


def _toy_set(num_people: int, crops_each: int) -> ToySet:
    """Each person is a coarse pattern of their own; each crop of it is noisy and lit otherwise."""
    rng = np.random.default_rng(3)
    cells = rng.uniform(40, 215, (num_people, 7, 7, 3))
    labels = np.repeat(np.arange(num_people, dtype=np.int64), crops_each)
    large = cells.repeat(CROP_SIZE_PX // 7, 1).repeat(CROP_SIZE_PX // 7, 2)[labels]
    lit = large + rng.uniform(-25, 25, (len(labels), 1, 1, 1)) + rng.normal(0, 10, large.shape)
    return ToySet(lit.clip(0, 255).astype(np.uint8), labels)


@pytest.fixture(scope="session")
def toy_set() -> ToySet:
    """Two people with 24 crops each. Shared: do not change it."""
    return _toy_set(2, 24)


@pytest.fixture(scope="session")
def toy_crowd() -> ToySet:
    """Eight people with 4 crops each. Shared: do not change it."""
    return _toy_set(8, 4)


@pytest.fixture(scope="session")
def tiny_network() -> IResNetConfig:
    return IResNetConfig(depths=(1, 1, 1, 1), widths=(4, 4, 8, 8), embedding_dim=16)


@pytest.fixture(scope="session")
def tiny_run(tiny_network: IResNetConfig) -> TrainConfig:
    """Four epochs of a few steps, with every kind of augmentation on."""
    return TrainConfig(
        epochs=4,
        batch_size=8,
        learning_rate=0.05,
        schedule="cosine",
        warmup_epochs=0.5,
        threads=1,
        device="cpu",
        seed=5,
        nesterov=True,
        validation=ValidationConfig(share=0),
        network=tiny_network,
        head=ArcFaceConfig(scale=16, margin_rad=0.2),
        augmentation=AugmentConfig(
            shift_px=2, rotation_deg=3, brightness=0.1, low_resolution_share=0.2, erase_share=0.2
        ),
    )
