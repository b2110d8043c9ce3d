"""Age as a distribution over years, and the age bands of the manifest.

Predictors speak of age in different ways: GEAR in seven bins, FaceRes in a hundred years. Both
become one probability for each year from 0 to 100, so that a band and its confidence are a sum.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

NUM_YEARS: Final = 101
AGE_BANDS: Final = ("under_18", "18_21", "22_25", "26_35", "36_plus")
"""The campus has the last four; students are adults, people in public data sets need not be."""
_BAND_STARTS: Final = (0, 18, 22, 26, 36)

Years = NDArray[np.float64]


def spread_bins(probabilities: NDArray[np.float32], starts: tuple[int, ...]) -> Years:
    """Spread bins (n, k) evenly over the years from each start to the next: (n, 101)."""
    edges = (*starts, NUM_YEARS)
    widths = np.diff(edges)
    return np.repeat(probabilities.astype(np.float64) / widths, widths, axis=1)


def expected_years(years: Years) -> NDArray[np.float64]:
    """Mean age (n,) of distributions (n, 101)."""
    return np.asarray(years @ np.arange(NUM_YEARS), dtype=np.float64)


def band_masses(years: Years) -> NDArray[np.float64]:
    """Probability (n, 5) of each of `AGE_BANDS`."""
    return np.add.reduceat(years, _BAND_STARTS, axis=1)
