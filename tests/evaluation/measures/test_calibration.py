import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from evaluation.errors import TooFewComparisonsError
from evaluation.measures.calibration import (
    LlrMap,
    calibrate,
    cllr,
    fit_llr,
    min_cllr,
    try_calibrate,
)
from evaluation.scores import ScoredSplit, Scores
from evaluation.uncertainty.bootstrap import SubjectBootstrap

BOOTSTRAP = SubjectBootstrap(replicates=100)
SplitMaker = Callable[..., ScoredSplit]
score = st.one_of(st.sampled_from([-math.inf, -1.0, 0.0, 1.0]), st.floats(-1, 1))
scores = arrays(np.float64, st.integers(1, 30), elements=score)


def test_nothing_known_costs_one_bit_and_everything_none() -> None:
    zeros = np.zeros(7)
    assert cllr(zeros, zeros) == pytest.approx(1)
    assert cllr(np.array([np.inf, 800.0]), np.array([-np.inf, -1e300])) == 0
    assert cllr(np.array([-1e300]), np.array([0.0])) > 1e299  # no overflow, and no mercy


def test_cllr_by_hand() -> None:
    # log2(1 + 1/4) for the genuine one of odds 4, log2(1 + 1) for the impostor of odds 1.
    assert cllr(np.log([4.0]), np.log([1.0])) == pytest.approx((math.log2(1.25) + 1) / 2)


def test_min_cllr_by_hand() -> None:
    # Scores 1, 2, 2, 3 of I, G, I, G: the middle two share a block with LLR 0, one bit each of
    # half the weight of their kind.
    assert min_cllr(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(0.5)
    assert min_cllr(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0
    assert min_cllr(np.array([0.0]), np.array([1.0])) == pytest.approx(1)


def test_failed_templates_carry_no_evidence() -> None:
    line = LlrMap(slope=10, intercept=-3)
    assert line.llr(np.array([-np.inf, 0.5])).tolist() == [0, 2]
    half = min_cllr(np.array([-np.inf, 3.0]), np.array([0.0, 1.0]))
    assert half == pytest.approx(0.25)  # one bit, half of the genuine, half of the whole


@settings(deadline=None)
@given(scores, scores, st.floats(0.1, 30), st.floats(-5, 5))
def test_no_rising_map_beats_the_minimum(
    genuine: Scores, impostor: Scores, slope: float, intercept: float
) -> None:
    line = LlrMap(slope, intercept)
    least = min_cllr(genuine, impostor)
    assert 0 <= least <= 1 + 1e-12
    assert least <= cllr(line.llr(genuine), line.llr(impostor)) + 1e-9
    assert min_cllr(2 * genuine, 2 * impostor) == pytest.approx(least)


def test_the_map_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.6, 0.2, 300), rng.normal(0.1, 0.2, 3000)
    found = fit_llr(np.append(genuine, -np.inf), impostor)
    model = LogisticRegression(C=1e8, class_weight="balanced", tol=1e-10, max_iter=1000)
    labels = np.repeat([1, 0], [300, 3000])
    model.fit(np.concatenate([genuine, impostor])[:, None], labels)
    assert found.slope == pytest.approx(model.coef_[0, 0], rel=1e-3)
    assert found.intercept == pytest.approx(model.intercept_[0], rel=1e-3)


def test_a_split_without_a_mistake_still_has_a_finite_map() -> None:
    found = fit_llr(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
    assert 10 < found.slope < 1e4
    with pytest.raises(TooFewComparisonsError):
        fit_llr(np.array([-np.inf]), np.array([0.1]))


def test_report_on_a_campus(campus: ScoredSplit, make_split: SplitMaker) -> None:
    found = calibrate(make_split(seed=1), campus, 0.9, BOOTSTRAP)
    assert found.loss.value == pytest.approx(found.cllr.value - found.min_cllr.value)
    for measured in (found.cllr, found.min_cllr, found.loss):
        assert measured.low is not None
        assert measured.high is not None
        assert measured.low <= measured.value <= measured.high
    assert found.num_without_template == np.count_nonzero(~np.isfinite(campus.scores)) > 0
    assert 0 < found.loss.value < 0.1  # of people like those the map was fitted on
    assert [key for key, _ in found.measurements("calibration")] == [
        "calibration/cllr",
        "calibration/min_cllr",
        "calibration/loss",
    ]
    assert found == calibrate(make_split(seed=1), campus, 0.9, BOOTSTRAP)


def test_a_map_of_other_people_loses_more(campus: ScoredSplit, make_split: SplitMaker) -> None:
    good = calibrate(make_split(seed=1), campus, 0.9, BOOTSTRAP)
    shifted = make_split(seed=1, spread=0.3)  # far better photos: the map is too sure
    bad = calibrate(shifted, campus, 0.9, BOOTSTRAP)
    assert bad.loss.value > 2 * good.loss.value
    assert bad.min_cllr == good.min_cllr


def test_without_genuine_comparisons_there_is_no_map(
    campus: ScoredSplit, make_split: SplitMaker
) -> None:
    assert try_calibrate(make_split(num_photos=1), campus, 0.9, BOOTSTRAP) is None
