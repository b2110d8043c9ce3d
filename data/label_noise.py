"""Photos under the wrong name, and people under two names, as frozen embedders see them.

For each photo the mean of its own person's other photos (itself left out) is compared with the
means of all other people. A photo that is closer to somebody else, by every embedder, is suspected.
A photo of a stranger is found as well: it is as far from its own person as from everybody, and
among many people one is always nearer by chance. Nothing is decided here; the list is for people.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

_BLOCK: Final = 2048

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class LabelNoiseConfig(BaseModel):
    """When a label is suspected. Thresholds are margins and ranks, so they fit any embedder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_photos: int = Field(default=2, ge=2)
    """People with fewer usable photos are not judged. Where two differ, both are listed: either
    may be the wrong one."""
    min_margin: float = Field(default=0.1, ge=-1, le=1)
    """A photo is suspected where another person is nearer by more than this cosine."""
    merge_quantile: float = Field(default=0.25, ge=0, le=1)
    """Two people look like one where their means are more alike than this share of all photos are
    to their own person's other photos."""


def wrong_labels(
    subjects: Rows, embeddings: Mapping[str, Vectors], config: LabelNoiseConfig
) -> pd.DataFrame:
    """Suspected rows: `row`, `other_subject`, `own`, `other` and `margin` (means over embedders).

    `subjects` (n,) are codes from 0; embeddings (n, d) have unit rows, or zero rows for photos that
    are not judged. Sorted by margin, the worst first.
    """
    compared = [_compared(subjects, vectors, config.min_photos) for vectors in embeddings.values()]
    if not compared:
        return pd.DataFrame(columns=["row", "other_subject", "own", "other", "margin"])
    suspected = np.logical_and.reduce(
        [one["is_judged"] & (one["margin"] > config.min_margin) for one in compared]
    )
    table = pd.DataFrame({"row": np.arange(len(subjects))})
    table["other_subject"] = compared[0]["other_subject"]
    for name in ("own", "other", "margin"):
        table[name] = np.mean([one[name].to_numpy(float) for one in compared], axis=0)
    listed = table[np.asarray(suspected, dtype=bool)]
    return listed.sort_values(["margin", "row"], ascending=[False, True], ignore_index=True)


def same_people(
    subjects: Rows, embeddings: Mapping[str, Vectors], config: LabelNoiseConfig
) -> pd.DataFrame:
    """Pairs of people who may be one: `subject` < `other_subject` and mean `similarity`.

    Every embedder must find them alike. The most alike come first.
    """
    tables = [_alike(subjects, vectors, config) for vectors in embeddings.values()]
    if not tables:
        return pd.DataFrame(columns=["subject", "other_subject", "similarity"])
    pairs = pd.concat(tables).groupby(["subject", "other_subject"])["similarity"]
    table = pairs.agg(["mean", "size"]).reset_index()
    table = table[table["size"] == len(tables)].rename(columns={"mean": "similarity"})
    order = ["similarity", "subject", "other_subject"]
    table = table.sort_values(order, ascending=[False, True, True], ignore_index=True)
    return table[["subject", "other_subject", "similarity"]]


def nearest_rows(rows: Rows, candidates: list[Rows], vectors: Vectors) -> Rows:
    """For each row, the candidate row that looks most like it."""
    return np.array(
        [
            group[int(np.argmax(vectors[group] @ vectors[row]))]
            for row, group in zip(rows, candidates, strict=True)
        ],
        dtype=np.int64,
    )


def _sums(subjects: Rows, vectors: Vectors) -> tuple[Vectors, Rows]:
    """Sum of each person's embeddings (p, d), and how many there are."""
    usable = vectors.any(axis=1)
    sums = np.zeros((int(subjects.max(initial=-1)) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, subjects[usable], vectors[usable])
    return sums, np.bincount(subjects[usable], minlength=len(sums))


def _own(subjects: Rows, vectors: Vectors, sums: Vectors) -> NDArray[np.float32]:
    """Cosine of each photo with the mean of its person's other photos; zero where there is none."""
    cosines = np.zeros(len(subjects), np.float32)
    for rows in _blocks(len(subjects)):
        others = _unit(sums[subjects[rows]] - vectors[rows])
        cosines[rows] = np.einsum("nd,nd->n", vectors[rows], others)
    return cosines


def _compared(subjects: Rows, vectors: Vectors, min_photos: int) -> pd.DataFrame:
    sums, counts = _sums(subjects, vectors)
    means = _unit(sums)
    own = _own(subjects, vectors, sums)
    other, other_subject = np.full(len(own), -1, np.float32), np.full(len(own), -1)
    for rows in _blocks(len(own)):
        cosines = vectors[rows] @ means.T
        cosines[np.arange(len(cosines)), subjects[rows]] = -1
        cosines[:, counts == 0] = -1
        other_subject[rows] = cosines.argmax(axis=1)
        other[rows] = cosines.max(axis=1)
    is_judged = vectors.any(axis=1) & (counts[subjects] >= min_photos) & (other > -1)
    return pd.DataFrame(
        {
            "own": own,
            "other": other,
            "margin": other - own,
            "other_subject": other_subject,
            "is_judged": is_judged,
        }
    )


def _alike(subjects: Rows, vectors: Vectors, config: LabelNoiseConfig) -> pd.DataFrame:
    sums, counts = _sums(subjects, vectors)
    means = _unit(sums)
    several = vectors.any(axis=1) & (counts[subjects] >= config.min_photos)
    columns = ["subject", "other_subject", "similarity"]
    if not several.any():
        return pd.DataFrame(columns=columns)
    least = np.quantile(_own(subjects, vectors, sums)[several], config.merge_quantile)
    parts = []
    for rows in _blocks(len(means)):
        cosines = means[rows] @ means.T
        one, other = np.nonzero(cosines > least)
        ahead = one + rows.start < other
        found = (one[ahead] + rows.start, other[ahead], cosines[one[ahead], other[ahead]])
        parts.append(pd.DataFrame(dict(zip(columns, found, strict=True))))
    return pd.concat(parts, ignore_index=True)


def _unit(vectors: Vectors) -> Vectors:
    # Not `l2_normalise`: a person's sum without the only photo is rounding noise, to be kept small.
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-6), dtype=np.float32)


def _blocks(num_rows: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, num_rows, _BLOCK))
