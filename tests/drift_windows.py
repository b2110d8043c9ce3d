"""Windows of made-up traffic for the tests of drift."""

import numpy as np
import pandas as pd

from evaluation.drift.window import EMBEDDING, WINDOW_QUALITY, check_window

SCORE_SD = 0.12


def traffic(
    rng: np.random.Generator,
    num_people: int,
    *,
    shift: float = 0.0,
    sites: dict[str, float] | None = None,
    level_of: dict[str, float] | None = None,
    embedding_dim: int = 0,
    name: str = "p",
) -> pd.DataFrame:
    """One row a person; `sites` gives shares, `level_of` the mean score of each site."""
    table = pd.DataFrame({"subject_id": [f"{name}{one}" for one in range(num_people)]})
    site = rng.choice(list(sites), num_people, p=list(sites.values())) if sites else None
    level = 0.5 if level_of is None else pd.Series(site).map(level_of).to_numpy(np.float64)
    table["score"] = np.clip(rng.normal(level + shift, SCORE_SD, num_people), -1, 1)
    table["decision"] = np.where(table["score"] > 0.3, "match", "non_match")
    refused = rng.random(num_people) < 0.04
    table.loc[refused, "score"], table.loc[refused, "decision"] = np.nan, "refused"
    table["site"], table["device"] = site, None
    table["at_s"] = np.arange(num_people, dtype=np.float64)
    quality = np.clip(rng.normal(80, 10, (num_people, len(WINDOW_QUALITY))), 0, 100)
    table[list(WINDOW_QUALITY)] = quality
    if embedding_dim:
        found = rng.normal(size=(num_people, embedding_dim))
        table[EMBEDDING] = list(found / np.linalg.norm(found, axis=1, keepdims=True))
    return check_window(table, "made-up traffic")
