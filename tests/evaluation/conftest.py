"""A small campus of scores: who is who, what they wear, and how alike they score."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.pairs import cross_pairs
from evaluation.scores import ScoredSplit, score_split

SplitMaker = Callable[..., ScoredSplit]


@pytest.fixture(scope="session")
def make_split() -> SplitMaker:
    """Make a scored split of `num_subjects` people with `num_photos` photos each."""

    def make(
        num_subjects: int = 30,
        num_photos: int = 6,
        spread: float = 1.2,
        failure_share: float = 0.02,
        seed: int = 0,
    ) -> ScoredSplit:
        rng = np.random.default_rng(seed)
        num_rows = num_subjects * num_photos
        people = np.repeat(np.arange(num_subjects), num_photos)
        faces = rng.normal(size=(num_subjects, 64))[people]
        embeddings = faces + spread * rng.normal(size=(num_rows, 64))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        usable = rng.random(num_rows) >= failure_share
        table = pd.DataFrame(
            {
                "subject_id": [f"s{p:03d}" for p in people],
                "family_id": [f"f{p // 2:03d}" for p in people],
                "capture_kind": rng.choice(["id_photo", "webcam", "gate"], num_rows),
                "gender": np.where(people % 3 == 0, "feminine", "masculine"),
                "age_band": [None if p % 5 == 0 else "18_21" for p in people],
                "skin_tone": np.where(people % 2 == 0, "monk_02", "monk_08"),
                "facial_hair": "none",
                "glasses": rng.choice(["yes", "no"], num_rows),
                "mask": "no",
                "pose_band": rng.choice(["frontal", "half"], num_rows),
                "lighting": "even",
                "reject_reason": [None if good else "no_face" for good in usable],
            }
        )
        return score_split(
            table, embeddings.astype(np.float32), usable, cross_pairs(list(table["subject_id"]))
        )

    return make


@pytest.fixture(scope="session")
def campus(make_split: SplitMaker) -> ScoredSplit:
    """30 people with 6 photos each, a few of them failed."""
    return make_split()
