"""Simulated models: what they say to a calibration and a test split of people who share nothing."""

import numpy as np
import pandas as pd

from data.pairs import cross_pairs
from evaluation.champion.comparison import ModelScores
from evaluation.scores import ScoredSplit, score_split

DIM = 48


def people_table(num_people: int, num_photos: int, prefix: str) -> pd.DataFrame:
    """Photos of people of two tones and two genders."""
    people = np.repeat(np.arange(num_people), num_photos)
    return pd.DataFrame(
        {
            "image_id": [f"{prefix}{k:04d}" for k in range(len(people))],
            "subject_id": [f"{prefix}{p:03d}" for p in people],
            "skin_tone": np.where(people % 2 == 0, "light", "dark"),
            "gender": np.where(people // 2 % 2 == 0, "feminine", "masculine"),
        }
    )


def scored(
    table: pd.DataFrame, spread: float, hurt_dark: float, seed: int, own_seed: int = 0
) -> ScoredSplit:
    """Embeddings of `spread` around each person, `hurt_dark` more where the skin tone is dark.

    People and photos are those of `seed`; `own_seed` is the model's own opinion of each photo.
    """
    rng, own = np.random.default_rng(seed), np.random.default_rng(own_seed)
    people = pd.factorize(table["subject_id"])[0]
    faces = rng.normal(size=(people.max() + 1, DIM))[people]
    photos = rng.normal(size=(len(table), DIM))
    opinion = own.normal(size=(len(table), DIM))
    dark = (table["skin_tone"] == "dark").to_numpy()[:, None]
    vectors = faces + spread * (0.9 * photos + 0.4 * opinion) * (1 + hurt_dark * dark)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = cross_pairs(list(table["subject_id"]))
    return score_split(table, vectors.astype(np.float32), np.ones(len(table), dtype=bool), pairs)


def model(
    spread: float = 0.8,
    hurt_dark: float = 0.0,
    own_seed: int = 0,
    num_people: int = 60,
    num_photos: int = 5,
    seed: int = 0,
) -> ModelScores:
    """A model on both splits; the same `seed` and sizes give identical pairs to any model."""
    splits = [
        scored(
            people_table(num_people, num_photos, prefix), spread, hurt_dark, seed + k, own_seed + k
        )
        for k, prefix in enumerate(("c", "t"))
    ]
    return ModelScores(*splits)
