"""One column of a window and of its reference side by side, in plain figures."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from evaluation.drift.config import DriftConfig


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figures(_Frozen):
    """One column of one window; quantiles interpolate linearly, None where there is no value."""

    num_given: int
    num_missing: int
    mean: float | None
    sd: float | None
    """Of the values themselves, divided by n."""
    p05: float | None
    p50: float | None
    p95: float | None


class ColumnSummary(_Frozen):
    """A column of numbers on both sides. Plain: the reference is not weighted to the site mix."""

    current: Figures
    reference: Figures
    shift_sd: float | None
    """Effect size: difference of the means in standard deviations of the reference."""


class CategorySummary(_Frozen):
    """A column of names on both sides, as shares of the rows; `missing` where there is none."""

    current: dict[str, float]
    reference: dict[str, float]


def summarise(current: pd.Series, reference: pd.Series) -> ColumnSummary:
    """Put a column of two windows side by side."""
    here, there = figures(current), figures(reference)
    shift = None
    if here.mean is not None and there.mean is not None and there.sd:
        shift = (here.mean - there.mean) / there.sd
    return ColumnSummary(current=here, reference=there, shift_sd=shift)


def figures(values: pd.Series) -> Figures:
    """Figures of one column."""
    numbers: NDArray[np.float64] = values.dropna().to_numpy(dtype=np.float64)
    some = len(numbers) > 0
    p05, p50, p95 = np.quantile(numbers, (0.05, 0.5, 0.95)) if some else (None, None, None)
    return Figures(
        num_given=len(numbers),
        num_missing=len(values) - len(numbers),
        mean=float(numbers.mean()) if some else None,
        sd=float(numbers.std()) if some else None,
        p05=p05,
        p50=p50,
        p95=p95,
    )


def summarise_names(current: pd.Series, reference: pd.Series) -> CategorySummary:
    """Put the shares of names of two windows side by side."""
    return CategorySummary(current=_shares(current), reference=_shares(reference))


def watched(
    names: tuple[str, ...], current: pd.DataFrame, reference: pd.DataFrame
) -> tuple[str, ...]:
    """Those of some columns that have a value in either window."""
    return tuple(
        name
        for name in names
        if any(name in table and table[name].notna().any() for table in (current, reference))
    )


def watched_numbers(
    config: DriftConfig, current: pd.DataFrame, reference: pd.DataFrame
) -> tuple[str, ...]:
    """Columns of numbers to compare."""
    return watched(config.columns, current, reference)


def _shares(values: pd.Series) -> dict[str, float]:
    counts = values.fillna("missing").value_counts(normalize=True).sort_index()
    return {str(name): float(share) for name, share in counts.items()}
