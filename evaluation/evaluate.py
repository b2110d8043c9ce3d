"""Judge the scores of a test split at thresholds that were frozen before."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from evaluation.config import EvaluationConfig
from evaluation.errors import EvaluationError, TooFewComparisonsError
from evaluation.groups.cross_cells import CrossCells, cross_cells
from evaluation.groups.fairness import FairnessSettings, judge_fairness
from evaluation.groups.slices import Slice, family_name, slices_of
from evaluation.measures.bands import det_band
from evaluation.measures.calibration import try_calibrate
from evaluation.measures.curves import det_curve, roc_curve, score_histogram
from evaluation.measures.discard_report import discard_reports
from evaluation.measures.extraction import extraction
from evaluation.measures.extremes import tail_report
from evaluation.measures.metrics import FnmrAtFmr, auc, eer, fnmr_at_fmr, require_both
from evaluation.measures.ownership import ownership
from evaluation.measures.rates import error_rates
from evaluation.measures.resampled import with_interval
from evaluation.measures.tenfold import tenfold_accuracy
from evaluation.operating_points import OperatingPoint
from evaluation.report import EvaluationReport, PointReport, Population, SliceReport
from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.tables import slice_table


def evaluate(
    test: ScoredSplit,
    points: Mapping[str, OperatingPoint],
    config: EvaluationConfig,
    calibration: ScoredSplit | None = None,
) -> EvaluationReport:
    """Measure a test split at the operating points of a calibration split or of a bundle.

    With the `calibration` split at hand the scores are also turned into likelihood ratios.

    Raises `TooFewComparisonsError` where there are no genuine or no impostor pairs, `SliceError`
    for a slice that cannot be cut, and `EvaluationError` without the default operating point.
    """
    if config.default_operating_point not in points:
        raise EvaluationError(
            f"operating point {config.default_operating_point!r} is not among"
            f" {sorted(points)}; calibrate it first"
        )
    genuine, impostor = test.genuine_scores, test.impostor_scores
    require_both(genuine, impostor, "test split")
    subjects, default = test.subject_codes(), config.default_operating_point
    confidence, bootstrap = config.confidence, config.bootstrap
    return EvaluationReport(
        protocol=config.protocol,
        confidence=config.confidence,
        min_genuine_pairs=config.min_genuine_pairs,
        min_impostor_pairs=config.min_impostor_pairs,
        default_operating_point=config.default_operating_point,
        population=_population(test, subjects),
        auc=auc(genuine, impostor),
        eer=eer(genuine, impostor),
        points=_points(test, points, config),
        slices={
            part.name: _slice_report(test, part, points, config)
            for part in config_slices(test, config)
        },
        fairness={
            family_name(family): judge_fairness(test, family, points, _fairness(config))
            for family in config.fairness_families
        },
        cross_cells={
            family_name(family): _cross_cells(test, family, points[default], config)
            for family in config.fairness_families
        },
        tenfold=tenfold_accuracy(test.scores, test.pairs) if test.pairs.fold is not None else None,
        det_band=det_band(test, confidence, bootstrap),
        calibration=calibration and try_calibrate(calibration, test, confidence, bootstrap),
        tail=tail_report(test, points, confidence, bootstrap),
        ownership=ownership(test, default, points[default].threshold, bootstrap),
        extraction=extraction(test, points, confidence, bootstrap),
        discard=discard_reports(test, points[default].threshold),
    )


def plot_tables(test: ScoredSplit, report: EvaluationReport) -> dict[str, pd.DataFrame]:
    """Tables behind the plots, by name: `roc`, `det`, `scores`, `slices`.

    `roc`: fmr, tar, threshold. `det`: fmr, fnmr, threshold. `scores`: score, genuine, impostor.
    `slices`: one row for each slice, operating point and metric, the whole test split as `overall`:
    slice, point, metric, value, low, high, n, too_few, labels.
    """
    genuine, impostor = test.genuine_scores, test.impostor_scores
    return {
        "roc": roc_curve(genuine, impostor),
        "det": det_curve(genuine, impostor),
        "scores": score_histogram(genuine, impostor),
        "slices": slice_table(report),
    }


def config_slices(test: ScoredSplit, config: EvaluationConfig) -> list[Slice]:
    """Every slice of a test split that a config asks for; raises `SliceError`."""
    return list(slices_of(test, config.slice_columns, config.slice_crossings, config.named_slices))


def _fairness(config: EvaluationConfig) -> FairnessSettings:
    return FairnessSettings(
        confidence=config.confidence,
        min_impostor_pairs=config.min_impostor_pairs,
        min_genuine_pairs=config.min_genuine_pairs,
        bootstrap=config.bootstrap,
        chance=config.fairness,
    )


def _points(
    test: ScoredSplit, points: Mapping[str, OperatingPoint], config: EvaluationConfig
) -> dict[str, PointReport]:
    everything = np.ones(len(test.pairs), dtype=bool)
    rates = error_rates(test, everything, points, config.confidence, config.bootstrap)
    return {
        name: PointReport(
            operating_point=point,
            rates=rates[name],
            at_test_fmr=_at_test_fmr(test, point.target_fmr, config),
        )
        for name, point in points.items()
    }


def _cross_cells(
    test: ScoredSplit, family: tuple[str, ...], point: OperatingPoint, config: EvaluationConfig
) -> CrossCells:
    return cross_cells(
        test,
        family,
        config.default_operating_point,
        point,
        config.min_impostor_pairs,
        config.confidence,
        config.bootstrap,
    )


def _slice_report(
    split: ScoredSplit,
    part: Slice,
    points: Mapping[str, OperatingPoint],
    config: EvaluationConfig,
) -> SliceReport:
    num_genuine = int(np.count_nonzero(part.members & split.pairs.genuine))
    num_impostor = int(np.count_nonzero(part.members)) - num_genuine
    return SliceReport(
        num_genuine_pairs=num_genuine,
        num_impostor_pairs=num_impostor,
        too_few_genuine=num_genuine < config.min_genuine_pairs,
        too_few_impostor=num_impostor < config.min_impostor_pairs,
        labels=part.labels,
        family=part.family,
        points=error_rates(split, part.members, points, config.confidence, config.bootstrap),
    )


def _at_test_fmr(
    test: ScoredSplit, target_fmr: float, config: EvaluationConfig
) -> FnmrAtFmr | None:
    try:
        found = fnmr_at_fmr(test.genuine_scores, test.impostor_scores, target_fmr)
    except TooFewComparisonsError:
        return None
    return with_interval(found, test, config.confidence, config.bootstrap)


def _population(test: ScoredSplit, subjects: Codes) -> Population:
    failed: Flags = ~test.usable
    failed_pairs = failed[test.pairs.left] | failed[test.pairs.right]
    num_genuine = int(np.count_nonzero(test.pairs.genuine))
    num_failed_genuine = int(np.count_nonzero(failed_pairs & test.pairs.genuine))
    return Population(
        num_photos=len(test.table),
        num_subjects=len(np.unique(subjects)),
        num_failures_to_extract=int(np.count_nonzero(failed)),
        failures_by_reason=_failures_by_reason(test.table, failed),
        num_genuine_pairs=num_genuine,
        num_impostor_pairs=len(test.pairs) - num_genuine,
        num_failed_genuine_pairs=num_failed_genuine,
        num_failed_impostor_pairs=int(np.count_nonzero(failed_pairs)) - num_failed_genuine,
    )


def _failures_by_reason(table: pd.DataFrame, failed: Flags) -> dict[str, int]:
    if "reject_reason" not in table:
        return {"not_embedded": int(np.count_nonzero(failed))} if failed.any() else {}
    reasons = table.loc[failed, "reject_reason"].fillna("not_embedded")
    return {str(reason): int(count) for reason, count in reasons.value_counts().items()}
