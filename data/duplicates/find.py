"""Pairs of photos that are one photograph: equal bytes, then near hashes, then embeddings."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.duplicates.config import DuplicateConfig
from data.duplicates.hamming import near_pairs
from data.duplicates.hashing import MIRROR, distance
from data.duplicates.photo_hashes import PhotoHashes

PAIR_COLUMNS: Final = ("left", "right", "distance", "is_mirrored", "same_bytes", "similarity")

Embeddings = Mapping[str, NDArray[np.float32]]
Rows = NDArray[np.int64]


def find_duplicates(
    hashes: PhotoHashes, embeddings: Embeddings, config: DuplicateConfig
) -> pd.DataFrame:
    """Rows `left` < `right` of one photograph, each pair once, with `PAIR_COLUMNS`.

    Photos with equal bytes, or an equal hash, are each paired with the first of them, not all with
    all, and only this first one is compared further: ten thousand copies of one placeholder are ten
    thousand findings, and a group that crosses people or splits always has a pair that does.
    `similarity` is the least cosine over the embedders, null where none was named or a face is
    missing. Raises `TooManyDuplicatesError`.
    """
    every = np.arange(len(hashes.sha256))
    first = _first_equal(hashes.sha256)
    single = np.flatnonzero((first == every) & hashes.is_hashed)
    _, codes = np.unique(hashes.words[single], axis=0, return_inverse=True)
    alike = single[_first_equal(codes.reshape(-1))]
    seen = single[alike == single]
    tables = [
        _table(first, every, same_bytes=True),
        _table(alike, single),
        _near(hashes.words, seen, is_mirrored=False, config=config),
        _near(hashes.words, seen, is_mirrored=True, config=config),
    ]
    pairs = pd.concat(tables, ignore_index=True).sort_values("distance", kind="stable")
    pairs = pairs.drop_duplicates(["left", "right"])
    pairs["similarity"] = least_similarity(pairs, embeddings)
    is_listed = pairs["distance"] <= config.max_distance
    is_listed |= pairs["similarity"] >= config.min_similarity
    return pairs[is_listed].sort_values(["left", "right"], ignore_index=True)


def least_similarity(pairs: pd.DataFrame, embeddings: Embeddings) -> NDArray[np.float64]:
    """The least cosine of each pair over the embedders; NaN where one has no embedding."""
    least = np.full(len(pairs), np.nan)
    for embedded in embeddings.values():
        one, other = embedded[pairs["left"]], embedded[pairs["right"]]
        cosine = np.einsum("nd,nd->n", one, other).astype(np.float64)
        cosine[~(one.any(axis=1) & other.any(axis=1))] = np.nan
        least = np.fmin(least, cosine)
    return least


def _first_equal(values: NDArray[np.object_] | Rows) -> Rows:
    """Position of the first entry with the same value, for each entry."""
    codes = pd.factorize(values)[0]
    return np.unique(codes, return_index=True)[1][codes].astype(np.int64)


def _near(
    words: NDArray[np.uint64], rows: Rows, is_mirrored: bool, config: DuplicateConfig
) -> pd.DataFrame:
    hashes = words[rows]
    others = hashes ^ MIRROR if is_mirrored else hashes
    low = np.ascontiguousarray(hashes[:, 0])
    low_others = np.ascontiguousarray(others[:, 0]) if is_mirrored else low
    left, right = near_pairs(low, low_others, config.search_distance, config.max_pairs)
    bits = distance(hashes[left], others[right])
    near = bits <= max(config.max_distance, config.confirmed_distance)
    return _table(rows[left[near]], rows[right[near]], bits[near], is_mirrored=is_mirrored)


def _table(
    left: Rows,
    right: Rows,
    bits: Rows | int = 0,
    *,
    is_mirrored: bool = False,
    same_bytes: bool = False,
) -> pd.DataFrame:
    pairs = pd.DataFrame({"left": left, "right": right, "distance": bits})
    pairs["is_mirrored"], pairs["same_bytes"] = is_mirrored, same_bytes
    return pairs[pairs["left"] < pairs["right"]]
