"""Error versus discard for every quality figure of a table, at the frozen threshold.

See `evaluation.measures.discard` for the curve. The threshold is that of the operating point and
does not move while comparisons are discarded.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measurement import Measurement
from evaluation.measures.discard import DiscardCurve, error_versus_discard
from evaluation.scores import ScoredSplit

MAX_DISCARD: Final = 0.3
_STEPS: Final = 31


class DiscardReport(BaseModel):
    """How FNMR falls where the comparisons of the lowest quality are discarded."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    threshold: float
    num_comparisons: int
    """Genuine ones of which both photos gave a template."""
    discarded: tuple[float, ...]
    """Shares of them, from 0 to `MAX_DISCARD`."""
    fnmrs: tuple[float, ...]
    """Of the comparisons left at each share; a step, never interpolated."""
    partial_area: float
    relative_area: float
    """0 is the ideal, 1 knows nothing about the errors, more misleads."""


def discard_reports(split: ScoredSplit, threshold: float) -> dict[str, DiscardReport]:
    """One report for each quality column (`quality`, `..._quality`) of the table, the best first.

    Empty where the table has no qualities, or no genuine comparison fails at the threshold.
    """
    names = [str(name) for name in split.table]
    columns = [name for name in names if name == "quality" or name.endswith("_quality")]
    genuine = np.flatnonzero(split.pairs.genuine & np.isfinite(split.scores))
    scores = split.scores[genuine]
    failing = int(np.count_nonzero(scores < threshold))
    if not 0 < failing < len(scores):
        return {}
    found = {}
    for name in columns:
        quality = split.table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        lower = np.minimum(quality[split.pairs.left[genuine]], quality[split.pairs.right[genuine]])
        if np.isfinite(lower).all():
            curve = error_versus_discard(scores, lower, failing / len(scores), MAX_DISCARD)
            found[name] = _report(curve, threshold)
    return dict(sorted(found.items(), key=lambda one: (one[1].relative_area, one[0])))


def discard_measurements(
    found: dict[str, DiscardReport], prefix: str
) -> Iterator[tuple[str, Measurement]]:
    """Relative areas by key."""
    for name, one in found.items():
        measured = Measurement(value=one.relative_area, n=one.num_comparisons)
        yield f"{prefix}/{name}/relative_area", measured


def _report(curve: DiscardCurve, threshold: float) -> DiscardReport:
    discarded = np.linspace(0, MAX_DISCARD, _STEPS)
    return DiscardReport(
        threshold=threshold,
        num_comparisons=curve.num_comparisons,
        discarded=tuple(discarded.tolist()),
        fnmrs=tuple(curve.fnmr_at(share) for share in discarded.tolist()),
        partial_area=curve.partial_area,
        relative_area=curve.relative_area,
    )
