"""Who is in the data: people and photos by cell of their labels, and how even that is.

A cell is a combination of label values, such as one gender, one skin tone and one age band. What is
rare here is what a model has hardly seen, or what a report can hardly speak about.
"""

from dataclasses import dataclass
from itertools import product
from typing import Annotated, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.manifest import ATTRIBUTES, SPLITS

UNKNOWN: Final = "unknown"


class BalanceConfig(BaseModel):
    """Which labels make a cell."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] = Field(default=("gender", "skin_tone", "age_band"), min_length=1)
    """Attributes of a manifest; a photo without the label is in a cell `unknown`."""
    num_smallest: Annotated[int, Field(ge=0)] = 5
    """How many of the smallest cells are named."""

    @field_validator("columns")
    @classmethod
    def _are_attributes(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        strange = sorted(set(columns) - set(ATTRIBUTES))
        if strange or len(set(columns)) < len(columns):
            raise ValueError(f"{list(columns)}: give different ones of {', '.join(ATTRIBUTES)}")
        return columns


@dataclass(frozen=True, slots=True)
class Balance:
    """The counts, and what they come to."""

    cells: pd.DataFrame
    """split, the columns of the config, num_subjects, num_photos, num_usable; empty cells too."""
    labels: pd.DataFrame
    """split, column, value, num_subjects, share: each label by itself, of the people of a split."""
    summary: dict[str, object]
    """For each split its evenness and smallest cells, and the provenance of every label."""


def balance_of(table: pd.DataFrame, config: BalanceConfig) -> Balance:
    """Count people and photos of a curated manifest by cell and split.

    Cells are all combinations of the values that occur, so that an empty one is seen. A person
    whose photos have different labels counts in each of their cells.
    """
    named = table.assign(**{c: table[c].fillna(UNKNOWN).astype(object) for c in config.columns})
    named["usable"] = named["reject_reason"].isna()
    splits = [split for split in SPLITS if (table["split"] == split).any()]
    cells = _cells(named, config.columns, splits)
    return Balance(
        cells=cells,
        labels=_labels(named, config.columns, splits),
        summary={
            "columns": list(config.columns),
            "provenance": {column: _origins(table, column) for column in config.columns},
            "splits": {split: _figures(cells, split, config) for split in splits},
        },
    )


def evenness(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Entropy of counts (k,) as a share of the highest possible, and total variation from even.

    1 and 0 where all are equal; 0 and nearly 1 where one has everything (Shannon 1948). With
    nobody, or with a single cell, there is nothing uneven: 1 and 0.
    """
    if counts.sum() == 0 or len(counts) < 2:
        return 1.0, 0.0
    shares = counts / counts.sum()
    filled = shares[shares > 0]
    entropy = float(-(filled * np.log(filled)).sum() / np.log(len(counts)))
    return entropy, float(np.abs(shares - 1 / len(counts)).sum() / 2)


def _cells(named: pd.DataFrame, columns: tuple[str, ...], splits: list[str]) -> pd.DataFrame:
    keys = ["split", *columns]
    values = [sorted(named[column].unique()) for column in columns]
    every = pd.DataFrame(list(product(splits, *values)), columns=keys)
    counts = named.groupby(keys, as_index=False).agg(
        num_subjects=("subject_id", "nunique"),
        num_photos=("image_id", "size"),
        num_usable=("usable", "sum"),
    )
    numbers = ["num_subjects", "num_photos", "num_usable"]
    whole = every.merge(counts, on=keys, how="left").fillna(dict.fromkeys(numbers, 0))
    return whole.astype(dict.fromkeys(numbers, int))


def _labels(named: pd.DataFrame, columns: tuple[str, ...], splits: list[str]) -> pd.DataFrame:
    rows = []
    for split, column in product(splits, columns):
        people = named[named["split"] == split].groupby(column)["subject_id"].nunique()
        for value in sorted(named[column].unique()):
            count = int(people.get(value, 0))
            rows.append((split, column, value, count, count / people.sum()))
    return pd.DataFrame(rows, columns=["split", "column", "value", "num_subjects", "share"])


def _figures(cells: pd.DataFrame, split: str, config: BalanceConfig) -> dict[str, object]:
    part = cells[cells["split"] == split]
    entropy, variation = evenness(part["num_subjects"].to_numpy())
    filled = part[part["num_subjects"] > 0]
    smallest = filled.sort_values("num_subjects", kind="stable").head(config.num_smallest)
    return {
        "num_cells": len(part),
        "num_empty_cells": len(part) - len(filled),
        "entropy": round(entropy, 4),
        "total_variation_from_even": round(variation, 4),
        "smallest": {
            "/".join(row[: len(config.columns)]): int(row[-1])
            for row in smallest[[*config.columns, "num_subjects"]].itertuples(index=False)
        },
    }


def _origins(table: pd.DataFrame, column: str) -> dict[str, int]:
    origins = table[f"{column}_provenance"].fillna(UNKNOWN).value_counts()
    return {str(origin): int(count) for origin, count in sorted(origins.items())}
