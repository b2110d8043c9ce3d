"""How long one photo takes, with intervals that assume no law of the times.

The quantile q of n independent times lies between two of them in their order, whose ranks are
quantiles of the binomial law (n, q) (David and Nagaraja 2003, 7.1).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.stats import binom

from evaluation.errors import TooFewComparisonsError
from evaluation.measurement import Measurement

_QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class LatencyReport(BaseModel):
    """Quantiles of the time of one photo, in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    what: str
    """What was timed, on what, in one sentence."""
    p50: Measurement
    p95: Measurement
    p99: Measurement

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Quantiles under `<prefix>/p50_ms` and so on."""
        for name in _QUANTILES:
            yield f"{prefix}/{name}_ms", getattr(self, name)


def latency_report(times_ms: NDArray[np.float64], what: str, confidence: float) -> LatencyReport:
    """Summarise times (n,); raises `TooFewComparisonsError` without any.

    Where n is too small for an end of an interval, it has none: both are None.
    """
    if len(times_ms) == 0:
        raise TooFewComparisonsError("latency", 0, 1)
    ordered = np.sort(times_ms)
    found = {name: _quantile(ordered, share, confidence) for name, share in _QUANTILES.items()}
    return LatencyReport(what=what, **found)


def _quantile(ordered: NDArray[np.float64], share: float, confidence: float) -> Measurement:
    num, tail = len(ordered), (1 - confidence) / 2
    value = float(ordered[min(num - 1, int(np.ceil(share * num - 1e-9)) - 1)])
    first, last = int(binom.ppf(tail, num, share)), int(binom.ppf(1 - tail, num, share)) + 1
    if first < 1 or last > num:
        return Measurement(value=value, n=num)
    low, high = float(ordered[first - 1]), float(ordered[last - 1])
    return Measurement(value=value, n=num, low=low, high=high, confidence=confidence)
