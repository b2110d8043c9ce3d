"""The drift report as a file for the textfile collector of Prometheus' node exporter."""

from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from data.files import whole_file
from evaluation.drift.report import DriftReport, DriftVerdict, SliceDrift
from pipelines.drift import metric_names

_METRIC_LABELS = ("slice", "column", "statistic")


def write_textfile(report: DriftReport, path: Path, ended_s: float) -> None:
    """Write the metrics of `metric_names`; `ended_s` is Unix time."""
    exposition = generate_latest(_registry(report, ended_s))
    with whole_file(path) as partial:
        partial.write_bytes(exposition)


def _registry(report: DriftReport, ended_s: float) -> CollectorRegistry:
    registry = CollectorRegistry()

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    statistic = gauge(metric_names.STATISTIC, "Distance from the reference", *_METRIC_LABELS)
    null_mean = gauge(metric_names.NULL_MEAN, "Distance without drift", *_METRIC_LABELS)
    p_value = gauge(metric_names.P_VALUE, "p of one distance", *_METRIC_LABELS)
    for name, part in report.slices.items():
        for one in part.metrics:
            labels = (name, one.column, one.statistic)
            statistic.labels(*labels).set(one.value)
            null_mean.labels(*labels).set(one.null_mean)
            p_value.labels(*labels).set(one.p)
    verdict = gauge(metric_names.VERDICT, "1 for the verdict that holds", "slice", "verdict")
    _set_verdict(verdict, "", report.verdict)
    people = gauge(metric_names.PEOPLE, "People", "slice", "window")
    slice_p = gauge(metric_names.SLICE_P_VALUE, "Adjusted p of a slice", "slice")
    for name, part in report.slices.items():
        _set_verdict(verdict, name, part.verdict)
        _set_sizes(people, slice_p, name, part)
    if report.windows:
        gauge(metric_names.E_VALUE, "Evidence against no drift").set(report.windows[-1].e)
    gauge(metric_names.LAST_SUCCESS, "When the job last ended well").set(ended_s)
    return registry


def _set_verdict(verdict: Gauge, name: str, holds: DriftVerdict) -> None:
    for one in get_args(DriftVerdict):
        verdict.labels(name, one).set(float(one == holds))


def _set_sizes(people: Gauge, slice_p: Gauge, name: str, part: SliceDrift) -> None:
    people.labels(name, "current").set(part.num_current)
    people.labels(name, "reference").set(part.num_reference)
    if part.p_holm is not None:
        slice_p.labels(name).set(part.p_holm)
