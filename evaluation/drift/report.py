"""The drift report: every metric with its null beside it, every slice with a verdict."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluation.drift.config import DriftConfig
from evaluation.drift.summary import CategorySummary, ColumnSummary

DriftVerdict = Literal["stable", "drift", "inconclusive"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MetricDrift(_Frozen):
    """One distance of one column, beside what it is without drift at this size and site mix."""

    column: str
    statistic: str
    """psi, ks, wasserstein, missing, total_variation, mmd or mean_shift."""
    value: float
    null_mean: float
    """Mean of the redrawn windows: what the value is when nothing drifts."""
    null_p95: float
    """95 % of the redrawn windows stay below."""
    expected: float | None = None
    """For PSI: (B - 1) (1 / n + 1 / m), the same to first order by formula."""
    p: float


class SliceDrift(_Frozen):
    """One slice of the window against the same slice of the reference."""

    verdict: DriftVerdict
    reason: str
    num_current: int
    """People."""
    num_reference: int
    num_reference_effective: float
    """People of equal weight, the reference weighted to the window's site mix."""
    p: float | None = None
    """Of all metrics together; None where it was not tested."""
    p_holm: float | None = None
    """Adjusted for the slices."""
    detectable_shift_sd: float | None = None
    """Shift of a mean that would be found with the configured power."""
    people_needed: int | None = None
    """In a window, for a verdict of stable; None where no window is enough for this reference."""
    metrics: tuple[MetricDrift, ...] = ()
    columns: dict[str, ColumnSummary] = {}
    categories: dict[str, CategorySummary] = {}


class WindowLine(_Frozen):
    """One of the successive windows, against the reference and all windows before it."""

    num_people: int
    from_s: float | None
    """First and last time in it, on its own clock."""
    to_s: float | None
    p: float
    """Of all its metrics together, against the reference and all windows before."""
    e: float
    """Product of the e-values up to this window."""
    strongest: str
    """Metric of this window with the smallest p, such as score/ks."""


class DriftReport(_Frozen):
    """What the windows say."""

    schema_version: Literal[1] = 1
    verdict: DriftVerdict
    reasons: tuple[str, ...]
    config: DriftConfig
    alpha_of_slices: float = Field(gt=0, lt=1)
    alpha_of_sequence: float | None = None
    """Half of alpha each where there are several windows; None with one."""
    site_mix: Literal["held", "unknown"]
    """`unknown`: the reference knows no sites, so windows were drawn regardless of them."""
    unknown_sites: tuple[str, ...] = ()
    """In the last window and not in the reference: nothing can be said about them."""
    slices: dict[str, SliceDrift]
    """The last window: `all`, then by slice, such as `site=north`."""
    windows: tuple[WindowLine, ...] = ()
    """All windows in their order, where there are several."""

    def figures(self) -> dict[str, float]:
        """Flat numbers for a tracker, by key: drift/<slice>/<column>/<statistic>{,_p}."""
        return dict(self._figures())

    def _figures(self) -> Iterator[tuple[str, float]]:
        for name, part in self.slices.items():
            where = f"drift/{name.replace('=', '_')}"
            yield f"{where}/people", float(part.num_current)
            if part.p_holm is not None:
                yield f"{where}/p_holm", part.p_holm
            for one in part.metrics:
                yield f"{where}/{one.column}/{one.statistic}", one.value
                yield f"{where}/{one.column}/{one.statistic}_p", one.p
        if self.windows:
            yield "drift/e", self.windows[-1].e
