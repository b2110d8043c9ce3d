"""Evidently's own page: data quality of both windows, and our calibrated figures in its tests.

Evidently's default limits are not shown: they alarm by size of the window, not by drift. The p of
each slice is a metric of ours with a test at our level; distances get, as their limit, what 95 % of
the windows without drift stay below.
"""

from pathlib import Path

import pandas as pd
from evidently import Dataset, Report
from evidently.core.metric_types import (
    MetricResult,
    SingleValue,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.core.report import Context, Snapshot
from evidently.metrics import ValueDrift
from evidently.presets import DataSummaryPreset
from evidently.tests import gt

from data.files import whole_file
from evaluation.drift.judge import ALL
from evaluation.drift.report import DriftReport
from pipelines.drift.evidently_data import datasets


class CalibratedP(SingleValueMetric):  # type: ignore[misc] # Evidently publishes no types
    """p of all metrics of one slice together, adjusted for the slices, as our engine found it."""

    slice_name: str
    p: float


class CalibratedPCalculation(SingleValueCalculation[CalibratedP]):  # type: ignore[misc]
    """Passes the figure on: Evidently shows it and tests it, and computes nothing."""

    def calculate(
        self,
        context: Context,  # noqa: ARG002 - Evidently's signature
        current_data: Dataset,  # noqa: ARG002
        reference_data: Dataset | None,  # noqa: ARG002
    ) -> tuple[SingleValue, MetricResult | None]:
        """Return the figure of the metric."""
        return self.result(self.metric.p), None

    def display_name(self) -> str:
        """Name on the page."""
        return f"Calibrated p of drift, {self.metric.slice_name}"


def write_page(
    current: pd.DataFrame, reference: pd.DataFrame, report: DriftReport, path: Path
) -> None:
    """Write the page as one HTML file that needs nothing else; windows hold one row a person."""
    found = run_page(current, reference, report)
    with whole_file(path) as partial:
        found.save_html(str(partial))


def run_page(current: pd.DataFrame, reference: pd.DataFrame, report: DriftReport) -> Snapshot:
    """Run Evidently for the page."""
    here, there = datasets(current, reference, report.config)
    metrics = [*_slice_metrics(report), *_distances(report), DataSummaryPreset()]
    return Report(metrics, include_tests=False).run(here, there)


def _slice_metrics(report: DriftReport) -> list[SingleValueMetric]:
    return [
        CalibratedP(slice_name=name, p=part.p_holm, tests=[gt(report.alpha_of_slices)])
        for name, part in report.slices.items()
        if part.p_holm is not None
    ]


def _distances(report: DriftReport) -> list[ValueDrift]:
    return [
        ValueDrift(column=one.column, method="wasserstein", threshold=one.null_p95)
        for one in report.slices[ALL].metrics
        if one.statistic == "wasserstein"
    ]
