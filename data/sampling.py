"""How often a photo is trained on: as it comes, each person alike, or rare cells more often."""

from typing import Annotated, Final, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

Scheme = Literal["none", "per_subject", "per_cell"]
_NOT_TRAINED: Final = 0.0


class SamplingConfig(BaseModel):
    """A scheme of weights. A photo of weight 2 is drawn twice as often as one of weight 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: Scheme = "none"
    """`none`: every photo once an epoch. `per_subject`: people with few photos as often as people
    with many. `per_cell`: photos of rare cells more often."""
    columns: tuple[str, ...] = ("gender", "skin_tone", "age_band")
    """Labels that make a cell, for `per_cell`."""
    exponent: Annotated[float, Field(ge=0, le=1)] = 0.5
    """1 makes all people, or all cells, count alike; 0 changes nothing; between, it is tempered."""
    max_weight: Annotated[float, Field(ge=1)] = 4.0
    """No photo is drawn more than so many times as often as the average one, lest a handful of
    photos be learnt by heart."""


def sampling_weights(table: pd.DataFrame, config: SamplingConfig) -> pd.Series:
    """Weight of each row of a manifest with splits and labels; 0 for rows that are not trained on.

    The mean over the rows trained on is 1. A row of which a label of the cell is unknown keeps the
    average weight, so that being unlabelled is neither reward nor punishment.
    """
    trained = table["label"] >= 0
    weights = pd.Series(_NOT_TRAINED, index=table.index)
    weights[trained] = 1.0
    if config.scheme == "none" or not trained.any():
        return weights
    keys = ["subject_id"] if config.scheme == "per_subject" else list(config.columns)
    known = trained & table[keys].notna().all(axis=1)
    if not known.any():
        return weights
    sizes = table[known].groupby(keys)["image_id"].transform("size")
    weights[known] = _capped(sizes.astype(float) ** -config.exponent, config.max_weight)
    return weights


def _capped(weights: pd.Series, limit: float) -> pd.Series:
    """Scale to mean 1 with nothing above the limit; what is cut off goes to the others."""
    weights = weights / weights.mean()
    # Each round cuts at least one more; scaling up what is below cannot overshoot for ever.
    while weights.max() > limit * (1 + 1e-9):
        cut = weights >= limit
        rest = (len(weights) - limit * cut.sum()) / weights[~cut].sum()
        weights = (weights * rest).mask(cut, limit)
    return weights
