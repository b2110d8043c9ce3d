from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.measurement import Measurement
from evaluation.measures.metrics import fmr, fnmr
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Flags, ScoredSplit
from evaluation.suites.failure_modes import (
    ConditionReport,
    Degradation,
    FailureModeReport,
    Least,
    bound_verdict,
    judge_degradation,
    worst_of,
)

SplitMaker = Callable[..., ScoredSplit]
POINTS = {
    "fmr_1e-2": OperatingPoint(
        target_fmr=0.01, threshold=0.4, num_impostor_pairs=1000, realised_fmr=0.01
    )
}
LEAST = Least(impostor=100, genuine=20)
THRESHOLD = POINTS["fmr_1e-2"].threshold


@pytest.fixture(scope="module")
def before(make_split: SplitMaker) -> ScoredSplit:
    return make_split(num_subjects=12, num_photos=4, failure_share=0)


def _after(before: ScoredSplit, usable: Flags, shift: float = 0.0) -> ScoredSplit:
    gone = ~(usable[before.pairs.left] & usable[before.pairs.right])
    scores = np.clip(before.scores + shift * before.pairs.genuine, -1, 1)
    scores[gone] = -np.inf
    return ScoredSplit(before.table, usable, before.pairs, scores)


def _judge(before: ScoredSplit, usable: Flags, shift: float = 0.0) -> ConditionReport:
    every = np.ones(len(before.table), dtype=bool)
    reasons = {"too_blurry": int((~usable).sum())} if not usable.all() else {}
    after = _after(before, usable, shift)
    found = Degradation("motion_blur", 0.5, before, after, every, reasons)
    return judge_degradation(found, POINTS, 0.9)


def test_nothing_changed_is_nothing_risen(before: ScoredSplit) -> None:
    report = _judge(before, np.ones(len(before.table), dtype=bool))
    rates = report.points["fmr_1e-2"]
    assert rates.fnmr == rates.baseline_fnmr == rates.fnmr_with_refusals
    assert rates.fmr == rates.baseline_fmr
    assert rates.fnmr.rate == fnmr(before.genuine_scores, THRESHOLD)
    assert rates.fmr.rate == fmr(before.impostor_scores, THRESHOLD)
    assert rates.fnmr_rise is not None
    assert rates.fnmr_rise.value == 0
    assert rates.fnmr_rise.low is not None
    assert rates.fnmr_rise.high is not None
    assert rates.fnmr_rise.low < 0 < rates.fnmr_rise.high  # 12 people show no more
    assert report.refused_share.rate == 0


def test_refused_photos_count_as_refusals_and_not_as_silent_errors(before: ScoredSplit) -> None:
    usable = np.arange(len(before.table)) % 4 != 0
    report = _judge(before, usable)
    rates = report.points["fmr_1e-2"]
    kept = usable[before.pairs.left] & usable[before.pairs.right]
    passed = before.scores[kept & before.pairs.genuine]
    assert rates.fnmr.rate == rates.baseline_fnmr.rate == fnmr(passed, THRESHOLD)
    assert rates.fnmr.num_comparisons == len(passed)
    everybody = rates.fnmr_with_refusals
    assert everybody.num_comparisons == len(before.genuine_scores)
    num_missed = int((passed < THRESHOLD).sum()) + len(before.genuine_scores) - len(passed)
    assert everybody.num_errors == num_missed > rates.fnmr.num_errors
    assert report.refused == {"too_blurry": 12}
    assert report.refused_share.rate == 0.25


def test_a_rise_is_the_difference_on_the_same_comparisons(before: ScoredSplit) -> None:
    report = _judge(before, np.ones(len(before.table), dtype=bool), shift=-0.15)
    rates = report.points["fmr_1e-2"]
    assert rates.fnmr_rise is not None
    assert rates.fnmr.rate is not None
    assert rates.baseline_fnmr.rate is not None
    assert rates.fnmr_rise.value == pytest.approx(rates.fnmr.rate - rates.baseline_fnmr.rate)
    assert rates.fnmr_rise.low is not None
    assert rates.fnmr_rise.low > 0
    assert rates.fmr == rates.baseline_fmr


def test_when_the_gate_refuses_all_nothing_is_measured_and_nothing_passes(
    before: ScoredSplit,
) -> None:
    report = _judge(before, np.zeros(len(before.table), dtype=bool))
    rates = report.points["fmr_1e-2"]
    assert rates.fnmr.rate is None
    assert rates.fmr.rate is None
    assert rates.fnmr_rise is None
    assert rates.fnmr_with_refusals.rate == 1
    assert report.refused_share.rate == 1
    assert worst_of([report], "fnmr_rise", "fmr_1e-2", LEAST) == (None, None)
    assert bound_verdict(None, 0.1) == "not_measured"


def test_worst_is_the_highest_of_the_conditions(before: ScoredSplit) -> None:
    every = np.ones(len(before.table), dtype=bool)
    mild = _judge(before, every)
    bad = _judge(before, every, shift=-0.2).model_copy(update={"severity": 1.0})
    name, measured = worst_of([mild, bad, mild], "fnmr", "fmr_1e-2", LEAST)
    assert name == "motion_blur 1"
    assert measured is not None
    assert measured.value == bad.points["fmr_1e-2"].fnmr.rate


def test_a_condition_that_left_next_to_nothing_is_not_the_worst(before: ScoredSplit) -> None:
    every = np.ones(len(before.table), dtype=bool)
    good = _judge(before, every)
    few = _judge(before, np.arange(len(every)) < 4, shift=-0.5)
    few = few.model_copy(update={"severity": 1.0})
    assert worst_of([good, few], "fnmr", "fmr_1e-2", LEAST)[0] == "motion_blur 0.5"
    name, measured = worst_of([few], "fnmr", "fmr_1e-2", LEAST)
    assert name == "motion_blur 1"
    assert measured is not None
    assert measured.too_few


def test_before_and_after_must_be_the_same_comparisons(before: ScoredSplit) -> None:
    every = np.ones(len(before.table), dtype=bool)
    pairs = before.pairs
    other = Pairs(pairs.left.copy(), pairs.right, pairs.genuine)
    elsewhere = ScoredSplit(before.table, every, other, before.scores)
    with pytest.raises(ScoresError, match="same comparisons"):
        Degradation("mask", 0.5, before, elsewhere, every, {})
    half = _after(before, np.arange(len(every)) % 2 == 0)
    with pytest.raises(ScoresError, match="usable before"):
        Degradation("mask", 0.5, half, half, every, {})


@given(value=st.floats(0, 1), below=st.floats(0, 1), above=st.floats(0, 1), bound=st.floats(0, 1))
def test_only_a_whole_interval_on_one_side_decides(
    value: float, below: float, above: float, bound: float
) -> None:
    measured = Measurement(value=value, n=100, low=value - below, high=value + above)
    verdict = bound_verdict(measured, bound)
    if verdict == "within":
        assert value + above <= bound
    elif verdict == "exceeded":
        assert value - below > bound
    else:
        assert verdict == "inconclusive"
        assert value - below <= bound < value + above


def test_too_few_comparisons_or_no_bound_decide_nothing() -> None:
    few = Measurement(value=0.0, n=10, min_n=100, low=0.0, high=0.01)
    assert bound_verdict(few, 0.5) == "inconclusive"
    assert bound_verdict(few, None) == "no_bound"
    assert bound_verdict(Measurement(value=0.2, n=100), 0.2) == "within"


def test_the_gate_finds_every_metric_of_a_provoked_mode(before: ScoredSplit) -> None:
    condition = _judge(before, np.arange(len(before.table)) % 4 != 0)
    _, measured = worst_of([condition], "fnmr_rise", "fmr_1e-2", LEAST)
    report = FailureModeReport(
        how="motion_blur at 0.5 on both",
        origin="foreseen",
        owner="ML engineer",
        status="open",
        metric="fnmr_rise",
        bound=None,
        point="fmr_1e-2",
        measured=measured,
        worst="motion_blur 0.5",
        verdict="no_bound",
        conditions=(condition,),
    )
    found = dict(report.measurements("failure_modes/blur", LEAST))
    assert sorted(found) == [
        f"failure_modes/blur/{name}"
        for name in ("fmr", "fnmr", "fnmr_rise", "fnmr_with_refusals", "refused_share")
    ]
    assert found["failure_modes/blur/refused_share"].value == 0.25
    assert FailureModeReport.model_validate_json(report.model_dump_json()) == report
