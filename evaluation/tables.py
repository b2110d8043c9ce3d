"""Parts of a report as tables, for plots and for people."""

from collections.abc import Iterator

import pandas as pd

from evaluation.groups.labels import predicted_text
from evaluation.measures.rates import ErrorRates
from evaluation.report import EvaluationReport, SliceReport
from evaluation.suites.failure_modes import ConditionReport, FailureModeReport
from evaluation.suites.protocols import PartReport
from evaluation.uncertainty.intervals import RateEstimate

_PROTOCOL_COLUMNS = ("protocol", "bin", "point", "metric", "value", "low", "high", "n")
_MODE_COLUMNS = (
    "mode",
    "condition",
    "photos",
    "refused_share",
    "fnmr",
    "baseline_fnmr",
    "fnmr_with_refusals",
    "fmr",
    "baseline_fmr",
    "genuine_pairs",
    "impostor_pairs",
)


def slice_table(report: EvaluationReport) -> pd.DataFrame:
    """Return the columns slice, point, metric, value, low, high, n, too_few, labels of all rates.

    `labels` names the predicted labels that a slice rests on; it is empty where there are none.
    """
    rows = [
        row
        for point, found in report.points.items()
        for row in _table_rows("overall", point, found.rates)
    ]
    rows += [
        row
        for name, part in report.slices.items()
        for point, rates in part.points.items()
        for row in _table_rows(name, point, rates, part)
    ]
    return pd.DataFrame(rows)


def _table_rows(
    name: str, point: str, rates: ErrorRates, part: SliceReport | None = None
) -> list[dict[str, object]]:
    too_few = (part.too_few_impostor, part.too_few_genuine) if part else (False, False)
    return [
        {
            "slice": name,
            "point": point,
            "metric": metric,
            "value": estimate.rate,
            "low": estimate.low,
            "high": estimate.high,
            "n": estimate.num_comparisons,
            "too_few": few,
            "labels": predicted_text(part.labels) if part else "",
        }
        for metric, estimate, few in zip(
            ("fmr", "fnmr"), (rates.fmr, rates.fnmr), too_few, strict=True
        )
        if estimate.rate is not None
    ]


def marked(slices: pd.DataFrame) -> pd.Series:
    """Names of slices (n,) for a plot, with a word where a model predicted the labels."""
    predicted = slices["labels"].str.extract(r"^(predicted:[^ ]+)", expand=False)
    return slices["slice"] + predicted.map(" [{}]".format, na_action="ignore").fillna("")


def protocol_table(report: EvaluationReport) -> pd.DataFrame:
    """Columns protocol, bin (empty: all of it), point, metric, value, low, high, n."""
    rows = [
        (name, bin_name, point, metric, found.rate, found.low, found.high, found.num_comparisons)
        for name, protocol in report.protocols.items()
        for bin_name, part in _parts(protocol.overall, protocol.bins)
        for point, rates in part.points.items()
        for metric, found in (("fmr", rates.fmr), ("fnmr", rates.fnmr))
        if found.rate is not None
    ]
    return pd.DataFrame(rows, columns=list(_PROTOCOL_COLUMNS))


def failure_mode_table(report: EvaluationReport) -> pd.DataFrame:
    """One row for each condition of each provoked mode, at the default operating point.

    Rates without any comparison are NaN: the quality gate has refused everything.
    """
    rows = [
        _mode_row(name, condition, mode)
        for name, mode in report.failure_modes.items()
        for condition in mode.conditions
    ]
    return pd.DataFrame(rows, columns=list(_MODE_COLUMNS))


def _mode_row(name: str, condition: ConditionReport, mode: FailureModeReport) -> tuple[object, ...]:
    rates = condition.points[mode.point]
    return (
        name,
        f"{name}: {condition.name}",
        condition.num_photos,
        _rate(condition.refused_share),
        _rate(rates.fnmr),
        _rate(rates.baseline_fnmr),
        _rate(rates.fnmr_with_refusals),
        _rate(rates.fmr),
        _rate(rates.baseline_fmr),
        rates.fnmr.num_comparisons,
        rates.fmr.num_comparisons,
    )


def _rate(found: RateEstimate) -> float:
    return float("nan") if found.rate is None else found.rate


def _parts(
    overall: PartReport | None, bins: dict[str, PartReport]
) -> Iterator[tuple[str, PartReport]]:
    if overall is not None:
        yield "", overall
    yield from bins.items()
