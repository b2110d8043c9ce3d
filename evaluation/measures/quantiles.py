"""How long things took, or how many they were: a few quantiles and the count behind them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

_SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


class Quantiles(BaseModel):
    """Quantiles of `n` values in their own unit, None where there are no values."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> "Quantiles":
        """Quantiles of values (n,)."""
        numbers = np.asarray(values, dtype=np.float64)
        found = {
            name: float(np.quantile(numbers, share)) if len(numbers) else None
            for name, share in _SHARES.items()
        }
        return cls(n=len(numbers), **found)
