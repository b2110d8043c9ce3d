"""From values to places on a drawing: linear, logarithmic, and probit as DET curves use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

_NORMAL = NormalDist()
_PROBIT_TICKS = (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)

Kind = Literal["linear", "log", "probit"]


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis: values `low`..`high` lie at `start`..`end`; beyond it they lie on its end."""

    kind: Kind
    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Where a value lies."""
        inside = min(max(value, self.low), self.high)
        low, high = self._warp(self.low), self._warp(self.high)
        share = (self._warp(inside) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self, apart: float = 0) -> Sequence[float]:
        """Round values to write beside it, at least `apart` from each other on the drawing."""
        found: list[float] = []
        for tick in self._round_values():
            if not found or abs(self.place(tick) - self.place(found[-1])) >= apart:
                found.append(tick)
        return found

    def _round_values(self) -> Sequence[float]:
        if self.kind == "linear":
            return _linear_ticks(self.low, self.high)
        if self.kind == "log":
            return _log_ticks(self.low, self.high)
        return [tick for tick in _PROBIT_TICKS if self.low <= tick <= self.high]

    def _warp(self, value: float) -> float:
        if self.kind == "linear":
            return value
        return math.log(value) if self.kind == "log" else _NORMAL.inv_cdf(value)


def _linear_ticks(low: float, high: float) -> list[float]:
    step = 10 ** math.floor(math.log10((high - low) / 2))
    while (high - low) / step > 5:
        step *= 2 if str(step * 1e12)[0] in "15" else 2.5
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**n for n in range(first, last + 1)]
