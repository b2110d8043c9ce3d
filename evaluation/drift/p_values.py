"""From statistics of redrawn windows to p and e: exact at every size, together and over time.

p         (number of windows, the observed one among them, that are at least as far) / (R + 1)
together  windows ordered by the smallest p of their metrics, equal ones by their largest
          standardised statistic; the place of the observed one is one p for all metrics,
          however they hang together (Westfall and Young, 1993). The second key matters: each
          metric has a redrawn window of the smallest p there is, so by p alone a single metric
          that is off by miles would never come first
e         (1 - p + p ln p) / (p (ln p)^2): p to an e-value, whose mean without drift is at most
          1 (Vovk and Wang, Annals of Statistics 2021). e-values of successive windows multiply,
          and the chance that the product ever reaches 1 / alpha is at most alpha (Ville).
"""

import math
from typing import Final

import numpy as np

from evaluation.drift.ordered import Values

_DECIMALS: Final = 12
"""Equal distances may differ by rounding; they must tie."""
_NEARLY_ONE: Final = 0.999


def p_values(statistics: Values) -> Values:
    """p of every window (num_windows, num_metrics) among all of them, row by row."""
    found = np.empty_like(statistics)
    for metric, column in enumerate(np.round(statistics, _DECIMALS).T):
        smaller = np.searchsorted(np.sort(column), column, side="left")
        found[:, metric] = (len(column) - smaller) / len(column)
    return found


def together(statistics: Values, p: Values) -> float:
    """One p of the first window for all its metrics; both arrays are (num_windows, num_metrics)."""
    smallest = np.round(p.min(axis=1), _DECIMALS)
    spread = statistics.std(axis=0)
    apart = (statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    farthest = np.round(apart.max(axis=1), _DECIMALS)
    as_far = (smallest == smallest[0]) & (farthest >= farthest[0])
    return float(np.mean((smallest < smallest[0]) | as_far))


def e_value(p: float) -> float:
    """e-value of a p value; 1/2 at p = 1, the limit."""
    if p > _NEARLY_ONE:  # numerator and denominator cancel
        return 0.5
    log = math.log(p)
    return (1 - p + p * log) / (p * log * log)
