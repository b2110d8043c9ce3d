"""Provoke the known failure modes on photos of the test split and judge what becomes of them."""

from collections.abc import Mapping, Sequence

from data.failure_modes.registry import FailureMode, Selection, Transform
from evaluation.config import EvaluationConfig
from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint
from evaluation.report import EvaluationReport, slice_key
from evaluation.suites.failure_modes import (
    ConditionReport,
    FailureModeReport,
    Least,
    bound_verdict,
    judge_degradation,
    worst_of,
)
from pipelines.degraded_photo import DegradeSettings, take_all, workers_for
from pipelines.provoking import conditions_of, degradation_of, tasks_of
from pipelines.scoring import EmbeddedPhotos
from pipelines.stage import progress


def provoke(
    modes: Sequence[FailureMode],
    photos: EmbeddedPhotos,
    settings: DegradeSettings,
    points: Mapping[str, OperatingPoint],
    config: EvaluationConfig,
) -> dict[str, FailureModeReport]:
    """Degrade photos for every mode that is a transform; returns their reports by id."""
    sizes = config.failure_modes
    conditions = list(conditions_of(modes, photos, sizes))
    tasks = [task for condition in conditions for task in tasks_of(condition, photos, sizes.seed)]
    faces = take_all(tasks, settings, workers_for(len(tasks)), progress("failure modes"))
    judged: dict[str, list[ConditionReport]] = {}
    for condition in conditions:
        found = [next(faces) for _ in condition.chosen]
        degradation = degradation_of(condition, photos, found)
        report = judge_degradation(degradation, points, config.confidence)
        judged.setdefault(condition.name, []).append(report)
    transforms = [mode for mode in modes if isinstance(mode.how, Transform)]
    return {mode.id: _provoked(mode, tuple(judged.get(mode.id, ())), config) for mode in transforms}


def with_selected(report: EvaluationReport, modes: Sequence[FailureMode]) -> EvaluationReport:
    """Add the modes whose comparisons the report already holds, as a protocol or a slice."""
    known = report.measurements()
    found = {
        mode.id: _selected(mode, mode.how, known, report)
        for mode in modes
        if isinstance(mode.how, Selection)
    }
    every = {**report.failure_modes, **found}
    return report.model_copy(
        update={"failure_modes": {name: every[name] for name in sorted(every)}}
    )


def describe(how: Transform | Selection) -> str:
    """How a mode is provoked, in one line."""
    if isinstance(how, Selection):
        return f"{how.source} {how.name}"
    severities = ", ".join(f"{severity:g}" for severity in how.severities)
    alike = ", the same on all" if how.alike else ""
    return f"{', '.join(how.operators)} at {severities} on {how.side}{alike}"


def _provoked(
    mode: FailureMode, conditions: tuple[ConditionReport, ...], config: EvaluationConfig
) -> FailureModeReport:
    point = config.default_operating_point
    least = Least(config.min_impostor_pairs, config.min_genuine_pairs)
    worst, measured = worst_of(conditions, mode.metric, point, least)
    return _entry(mode, measured, worst, point, conditions)


def _selected(
    mode: FailureMode, how: Selection, known: Mapping[str, Measurement], report: EvaluationReport
) -> FailureModeReport:
    point = report.default_operating_point
    metric = f"{point}/{mode.metric}"
    key = slice_key(how.name, metric) if how.source == "slice" else f"protocol/{how.name}/{metric}"
    return _entry(mode, known.get(key), f"{how.source} {how.name}", point)


def _entry(
    mode: FailureMode,
    measured: Measurement | None,
    worst: str | None,
    point: str,
    conditions: tuple[ConditionReport, ...] = (),
) -> FailureModeReport:
    return FailureModeReport(
        how=describe(mode.how),
        origin=mode.origin,
        owner=mode.owner,
        status=mode.status,
        metric=mode.metric,
        bound=mode.bound,
        point=point,
        measured=measured,
        worst=worst if measured is not None else None,
        verdict=bound_verdict(measured, mode.bound),
        conditions=conditions,
    )
