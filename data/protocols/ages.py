"""Ages as intervals: a year where it is known, else the limits of a band such as `18_21`."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Years = NDArray[np.float64]  # (n,), NaN where nothing is known

_Limits = Callable[[re.Match[str]], tuple[float, float]]
_FORMS: Final[tuple[tuple[re.Pattern[str], _Limits], ...]] = (
    (re.compile(r"(\d+)[_-](\d+)"), lambda found: (float(found[1]), float(found[2]))),
    (re.compile(r"(\d+)(?:_plus|\+)"), lambda found: (float(found[1]), np.inf)),
    (re.compile(r"under_(\d+)"), lambda found: (0.0, float(found[1]) - 1)),
)


def band_limits(band: object) -> tuple[float, float]:
    """Youngest and oldest of a band: `18_21`, `36_plus` or `under_18`; NaN for any other label."""
    for form, limits in _FORMS:
        found = form.fullmatch(str(band))
        if found:
            return limits(found)
    return np.nan, np.nan


def oldest(table: pd.DataFrame) -> Years:
    """How old the person on each row (n,) may be at most: `age_years`, else the end of the band."""
    bands = table["age_band"].map(lambda band: band_limits(band)[1]).astype(float)
    return np.asarray(table["age_years"].astype(float).fillna(bands), dtype=np.float64)


def gap_bin(gaps_years: Years, bounds: tuple[float, ...]) -> NDArray[np.object_]:
    """Name the bin of each gap (n,): `gap_0_1` for 0 up to but not 1; `gap_unknown` for NaN."""
    names = np.array(gap_bins(bounds), dtype=object)
    place = np.where(np.isnan(gaps_years), len(bounds) + 1, np.digitize(gaps_years, bounds))
    return names[place]


def gap_bins(bounds: tuple[float, ...]) -> tuple[str, ...]:
    """Names of all bins, the unknown one last."""
    edges = (0, *bounds)
    inner = [f"gap_{low:g}_{high:g}" for low, high in pairwise(edges)]
    return (*inner, f"gap_{edges[-1]:g}_plus", "gap_unknown")
