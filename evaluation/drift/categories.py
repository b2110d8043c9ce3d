"""How far two samples of names are apart, such as decisions: total variation, for many windows.

total variation  (1/2) sum over names of |p - q|: the share that would have to change its name
"""

import numpy as np
import pandas as pd

from evaluation.drift.ordered import Values
from evaluation.drift.resampling import Masks, Pool


class NamedColumn:
    """One column of names in a pool; a missing one is a name of its own."""

    names = ("total_variation",)

    def __init__(self, values: pd.Series, pool: Pool) -> None:
        """Take the values (num_rows,) in the order of the pool."""
        codes = pd.factorize(values.fillna(""), sort=True)[0]
        self._is_name = np.eye(int(codes.max()) + 1)[codes]
        self._weights = pool.reference_weights
        self._num_current = pool.num_current

    def statistics(self, masks: Masks) -> Values:
        """One row for each window, one column."""
        current = masks @ self._is_name / self._num_current
        reference = np.where(masks, 0.0, self._weights) @ self._is_name
        return np.asarray(np.abs(current - reference).sum(axis=1, keepdims=True) / 2)
