"""Comparisons with their scores: what every measure of this package starts from."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.pairs import Pairs
from evaluation.errors import ScoresError

Scores = NDArray[np.float64]  # (num_pairs,); -inf where a photo gave no template
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]

_BLOCK_PAIRS: Final = 16_384


@dataclass(frozen=True, slots=True)
class ScoredSplit:
    """One split of a manifest, its comparisons and their scores."""

    table: pd.DataFrame
    """Manifest rows of the split, in the order that `pairs` counts them; rejected ones included."""
    usable: Flags
    """(num_rows,): whether the photo gave a template."""
    pairs: Pairs
    scores: Scores
    """(num_pairs,): cosine, -inf where either photo gave no template."""

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.pairs) or len(self.usable) != len(self.table):
            raise ScoresError(
                f"{len(self.scores)} scores for {len(self.pairs)} pairs,"
                f" {len(self.usable)} flags for {len(self.table)} photos; they must be as many"
            )
        if np.isnan(self.scores).any():
            raise ScoresError("a score is not a number; give -inf where a photo has no template")

    @property
    def genuine_scores(self) -> Scores:
        """Scores of the genuine pairs, in their order."""
        return self.scores[self.pairs.genuine]

    @property
    def impostor_scores(self) -> Scores:
        """Scores of the impostor pairs, in their order."""
        return self.scores[~self.pairs.genuine]

    def subject_codes(self) -> Codes:
        """(num_rows,): a number for each person, in the order of their ids."""
        return np.asarray(pd.factorize(self.table["subject_id"], sort=True)[0], dtype=np.int64)


def score_split(
    table: pd.DataFrame, embeddings: NDArray[np.float32], usable: Flags, pairs: Pairs
) -> ScoredSplit:
    """Compare L2-normalised embeddings (num_rows, dim) of a table pair by pair.

    What stands in the rows that are not `usable` does not matter. Raises `ScoresError` where the
    sizes do not fit, or where a usable row is not of unit length.
    """
    if embeddings.ndim != 2 or len(embeddings) != len(table) or len(usable) != len(table):
        raise ScoresError(
            f"embeddings {embeddings.shape} and {len(usable)} flags for {len(table)} photos"
        )
    lengths = np.linalg.norm(embeddings[usable], axis=1)
    if not np.allclose(lengths, 1, atol=1e-3):
        raise ScoresError("an embedding is not of unit length; L2-normalise them first")
    return ScoredSplit(table, usable, pairs, cosine_scores(embeddings, usable, pairs))


def cosine_scores(embeddings: NDArray[np.float32], usable: Flags, pairs: Pairs) -> Scores:
    """Cosines (num_pairs,) of L2-normalised embeddings (num_rows, dim), -inf where one is missing.

    A pair's score depends on its two rows alone, never on what else is compared.
    """
    scores = np.full(len(pairs), -np.inf)
    wanted = np.flatnonzero(usable[pairs.left] & usable[pairs.right])
    for start in range(0, len(wanted), _BLOCK_PAIRS):
        block = wanted[start : start + _BLOCK_PAIRS]
        left, right = embeddings[pairs.left[block]], embeddings[pairs.right[block]]
        scores[block] = np.einsum("ij,ij->i", left, right)
    return np.clip(scores, -1, 1, out=scores, where=np.isfinite(scores))
