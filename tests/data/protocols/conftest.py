"""A small campus as a curated table: labels, capture kinds and splits, no pictures."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.manifest import with_source_columns

GROUND_TRUTH = "ground_truth"


def make_table(num_subjects: int, photos_each: int, seed: int = 0) -> pd.DataFrame:
    """Rows of people with random labels; every fifth pair of people are siblings."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(num_subjects), photos_each)
    table = pd.DataFrame(
        {
            "image_id": [f"s{s:04d}_p{i % photos_each}" for i, s in enumerate(person)],
            "subject_id": [f"s{s:04d}" for s in person],
            "path": [f"s{s:04d}/{i}.jpg" for i, s in enumerate(person)],
        }
    )
    table = with_source_columns(table)
    labels = {
        "gender": rng.choice(["feminine", "masculine"], num_subjects),
        "skin_tone": rng.choice(["monk_02", "monk_07"], num_subjects),
        "age_band": rng.choice(["18_21", "26_35", "36_plus"], num_subjects),
        "family_id": np.array(
            [f"f{s // 2 if s // 2 % 5 == 0 else s + 1000}" for s in range(num_subjects)]
        ),
    }
    for name, values in labels.items():
        table[name] = values[person]
        table[f"{name}_provenance"] = GROUND_TRUTH
    table["capture_kind"] = rng.choice(["id_photo", "webcam", "gate"], len(table))
    table["reject_reason"] = None
    table["split"] = "test"
    return table


@pytest.fixture(scope="session")
def table_of() -> Callable[..., pd.DataFrame]:
    return make_table
