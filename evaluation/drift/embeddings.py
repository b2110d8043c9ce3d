"""How far two samples of embeddings are apart: maximum mean discrepancy and shift of the mean.

    MMD         ||mean of phi(x) over the window - mean of phi(y) over the reference||, with the
                Gaussian kernel k(x, y) = exp(-||x - y||^2 / (2 s^2)), s the median distance
                (Gretton et al., JMLR 2012)
    mean shift  the same with phi(x) = x: how far the centre has moved, on the unit sphere

MMD sees every change of the distribution, the mean shift says how large it is in a unit that
people know. A classifier that tells the windows apart was not taken: it has to be trained for every
redrawn window or gives rows away for training, and at a few hundred rows of 512 dimensions it
learns nothing. The kernel is computed once for all windows.
"""

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.ordered import Values
from evaluation.drift.resampling import Masks, Pool
from evaluation.scores import Flags


class EmbeddingColumn:
    """Embeddings of a pool."""

    names = ("mmd", "mean_shift")

    def __init__(
        self,
        embeddings: Values,
        given: Flags,
        pool: Pool,
        max_rows: int,
        rng: np.random.Generator,
    ) -> None:
        """Take embeddings (num_given, dim) of the rows of the pool that are `given`."""
        rows = np.flatnonzero(given)
        # Drawn without regard to which window a row is of, so rows stay exchangeable.
        kept = np.sort(rng.permutation(len(rows))[:max_rows])
        self._rows = rows[kept]
        self._embeddings = embeddings[kept]
        self._kernel = _kernel(self._embeddings)
        self._weights = pool.reference_weights[self._rows]

    def statistics(self, masks: Masks) -> Values:
        """One row for each window, one column for each name; 0 where a side has none."""
        chosen = masks[:, self._rows]
        current = _normalised(chosen.astype(np.float64))
        reference = _normalised(np.where(chosen, 0.0, self._weights))
        both = (current.sum(axis=1) > 0) & (reference.sum(axis=1) > 0)
        apart = (current - reference) * both[:, None]
        squares = ((apart @ self._kernel) * apart).sum(axis=1)
        shift = np.linalg.norm(apart @ self._embeddings, axis=1)
        return np.stack([np.sqrt(np.maximum(0, squares)), shift], axis=1)


def _normalised(weights: Values) -> Values:
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(weights / np.where(total > 0, total, 1.0))


def _kernel(embeddings: Values) -> NDArray[np.float64]:
    products = embeddings @ embeddings.T
    lengths = np.diag(products)
    squares = np.maximum(0, lengths[:, None] + lengths[None] - 2 * products)
    apart = squares[np.triu_indices(len(squares), 1)]
    scale = float(np.median(apart)) if len(apart) else 0.0
    return np.asarray(np.exp(-squares / (2 * (scale or 1.0))))
