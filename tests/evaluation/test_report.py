import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.pairs import Pairs
from evaluation.config import EvaluationConfig
from evaluation.errors import EvaluationError, TooFewComparisonsError
from evaluation.evaluate import evaluate, plot_tables
from evaluation.measures.metrics import auc, fmr, fnmr
from evaluation.operating_points import OperatingPoint, operating_points
from evaluation.report import EvaluationReport
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import Dyads, fmr_estimate, fnmr_estimate

CONFIG = EvaluationConfig(
    min_genuine_pairs=20, min_impostor_pairs=200, bootstrap=SubjectBootstrap(replicates=100)
)
SplitMaker = Callable[..., ScoredSplit]


@pytest.fixture(scope="module")
def points(make_split: SplitMaker) -> dict[str, OperatingPoint]:
    return operating_points(make_split(seed=1).impostor_scores, CONFIG.target_fmrs)


@pytest.fixture(scope="module")
def report(campus: ScoredSplit, points: dict[str, OperatingPoint]) -> EvaluationReport:
    return evaluate(campus, points, CONFIG)


def test_rates_are_those_at_the_frozen_thresholds(
    campus: ScoredSplit, points: dict[str, OperatingPoint], report: EvaluationReport
) -> None:
    assert list(report.points) == ["fmr_1e-1", "fmr_1e-2", "fmr_1e-3"]
    for name, point in points.items():
        rates = report.points[name].rates
        assert rates.fmr.rate == fmr(campus.impostor_scores, point.threshold)
        assert rates.fnmr.rate == fnmr(campus.genuine_scores, point.threshold)
        assert report.points[name].operating_point == point
    assert report.auc == auc(campus.genuine_scores, campus.impostor_scores)


def test_intervals_group_by_person(
    campus: ScoredSplit, points: dict[str, OperatingPoint], report: EvaluationReport
) -> None:
    people = campus.subject_codes()
    left, right = people[campus.pairs.left], people[campus.pairs.right]
    genuine = campus.pairs.genuine
    threshold = points["fmr_1e-2"].threshold
    rates = report.points["fmr_1e-2"].rates
    missed = campus.genuine_scores < threshold
    assert rates.fnmr == fnmr_estimate(missed, left[genuine], bootstrap=CONFIG.bootstrap)
    dyads = Dyads.of(left[~genuine], right[~genuine], CONFIG.bootstrap)
    assert rates.fmr == fmr_estimate(campus.impostor_scores >= threshold, dyads)


def test_a_slice_is_judged_on_its_own_pairs(
    campus: ScoredSplit, points: dict[str, OperatingPoint], report: EvaluationReport
) -> None:
    masculine = (campus.table["gender"] == "masculine").to_numpy()
    inside = masculine[campus.pairs.left] & masculine[campus.pairs.right]
    found = report.slices["gender_masculine"].points["fmr_1e-1"]
    threshold = points["fmr_1e-1"].threshold
    assert found.fnmr.rate == fnmr(campus.scores[inside & campus.pairs.genuine], threshold)
    assert found.fmr.rate == fmr(campus.scores[inside & ~campus.pairs.genuine], threshold)
    assert found.fmr.num_subjects == 20


def test_a_worse_group_shows_in_its_slice(
    make_split: SplitMaker, points: dict[str, OperatingPoint]
) -> None:
    good = make_split()
    dark = (good.table["skin_tone"] == "monk_08").to_numpy()
    hurt = good.pairs.genuine & dark[good.pairs.left]
    biased = ScoredSplit(good.table, good.usable, good.pairs, good.scores - 0.3 * hurt)
    found = evaluate(biased, points, CONFIG).slices
    worse = found["skin_tone_monk_08"].points["fmr_1e-2"].fnmr
    better = found["skin_tone_monk_02"].points["fmr_1e-2"].fnmr
    assert worse.low > better.high


def test_failures_are_counted_and_refused(
    make_split: SplitMaker, points: dict[str, OperatingPoint]
) -> None:
    split = make_split(failure_share=0.3, seed=2)
    num_failed = int((~split.usable).sum())
    found = evaluate(split, points, CONFIG)
    assert found.population.num_failures_to_extract == num_failed > 0
    assert found.population.failures_by_reason == {"no_face": num_failed}
    failed_genuine = int(np.isneginf(split.genuine_scores).sum())
    assert found.population.num_failed_genuine_pairs == failed_genuine
    assert found.population.num_failed_impostor_pairs == int(np.isneginf(split.scores).sum()) - (
        failed_genuine
    )
    share = failed_genuine / found.population.num_genuine_pairs
    assert (found.points["fmr_1e-1"].rates.fnmr.rate or 0) >= share
    assert found.metrics()["overall/failures_to_extract"] == num_failed / 180


def test_a_failure_without_a_reason_is_named_too(
    make_split: SplitMaker, points: dict[str, OperatingPoint]
) -> None:
    split = make_split()
    num_failed = int((~split.usable).sum())
    for table in (
        split.table.assign(reject_reason=None),
        split.table.drop(columns="reject_reason"),
    ):
        changed = ScoredSplit(table, split.usable, split.pairs, split.scores)
        population = evaluate(changed, points, CONFIG).population
        assert population.failures_by_reason == {"not_embedded": num_failed}


def test_json_round_trip(report: EvaluationReport) -> None:
    text = report.model_dump_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert EvaluationReport.model_validate_json(text) == report


def test_metric_keys_and_values_suit_any_tracker(report: EvaluationReport) -> None:
    found = report.metrics()
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", key) for key in found)
    assert all(math.isfinite(value) for value in found.values())
    assert {
        "overall/auc",
        "overall/eer",
        "fmr_1e-2/threshold",
        "fmr_1e-2/fnmr",
        "fmr_1e-2/fnmr_high",
        "fmr_1e-2/tar_low",
        "fmr_1e-2/tar_at_test_fmr",
        "slice/glasses_yes/fmr_1e-2/fnmr",
        "slice/id_photo_vs_gate/fmr_1e-1/fmr",
    } <= set(found)
    assert "overall/tenfold_accuracy" not in found


def test_tar_is_the_rest_of_fnmr(report: EvaluationReport) -> None:
    found = report.metrics()
    for end, other in (("", ""), ("_low", "_high"), ("_high", "_low")):
        assert found[f"fmr_1e-2/tar{end}"] == pytest.approx(1 - found[f"fmr_1e-2/fnmr{other}"])


def test_a_small_slice_is_marked_and_kept_from_trackers(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    strict = CONFIG.model_copy(update={"min_genuine_pairs": 10**6})
    found = evaluate(campus, points, strict)
    part = found.slices["glasses_yes"]
    assert part.too_few_genuine
    assert not part.too_few_impostor
    key = "slice/glasses_yes/fmr_1e-2/fnmr"
    assert key not in found.metrics()
    assert found.measurements()[key].too_few
    assert "slice/glasses_yes/fmr_1e-2/fmr" in found.metrics()
    assert "fmr_1e-2/fnmr" in found.metrics()


def test_too_few_for_a_target_on_the_test_split_itself_leaves_a_gap(
    make_split: SplitMaker, points: dict[str, OperatingPoint]
) -> None:
    small = evaluate(make_split(num_subjects=6, num_photos=4), points, CONFIG)
    assert small.points["fmr_1e-3"].at_test_fmr is None
    assert "fmr_1e-3/tar_at_test_fmr" not in small.metrics()
    assert small.points["fmr_1e-2"].at_test_fmr is not None


def test_a_protocol_with_folds_reports_their_accuracy(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    pairs = campus.pairs
    folds = Pairs(pairs.left, pairs.right, pairs.genuine, np.arange(len(pairs)) % 10)
    split = ScoredSplit(campus.table, campus.usable, folds, campus.scores)
    found = evaluate(split, points, CONFIG.model_copy(update={"protocol": "official"}))
    assert found.protocol == "official"
    assert found.tenfold is not None
    assert found.metrics()["overall/tenfold_accuracy"] == found.tenfold.mean > 0.9


def test_tables_for_plots(campus: ScoredSplit, report: EvaluationReport) -> None:
    tables = plot_tables(campus, report)
    assert sorted(tables) == ["det", "roc", "scores", "slices"]
    for table in tables.values():
        assert len(table) > 0
        assert not table.isna().any().any()
    slices = tables["slices"]
    assert set(slices["slice"]) == {"overall", *report.slices}
    assert ((slices["low"] <= slices["value"]) & (slices["value"] <= slices["high"])).all()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 999))
def test_the_order_of_photos_and_pairs_does_not_matter(
    campus: ScoredSplit, points: dict[str, OperatingPoint], report: EvaluationReport, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(campus.table))
    place = np.argsort(order)
    shuffled = rng.permutation(len(campus.pairs))
    pairs = Pairs(
        place[campus.pairs.right[shuffled]],
        place[campus.pairs.left[shuffled]],
        campus.pairs.genuine[shuffled],
    )
    other = evaluate(
        ScoredSplit(
            campus.table.iloc[order].reset_index(drop=True),
            campus.usable[order],
            pairs,
            campus.scores[shuffled],
        ),
        points,
        CONFIG,
    )
    assert other.metrics() == pytest.approx(report.metrics())


def test_the_default_operating_point_must_be_there(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    rest = {name: point for name, point in points.items() if name != "fmr_1e-3"}
    with pytest.raises(EvaluationError, match="calibrate it first"):
        evaluate(campus, rest, CONFIG)


def test_a_split_without_genuine_pairs_is_refused(
    make_split: SplitMaker, points: dict[str, OperatingPoint]
) -> None:
    with pytest.raises(TooFewComparisonsError, match="genuine"):
        evaluate(make_split(num_photos=1), points, CONFIG)
