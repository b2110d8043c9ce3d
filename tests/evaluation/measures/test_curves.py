import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from evaluation.errors import TooFewComparisonsError
from evaluation.measures.curves import det_curve, roc_curve, score_histogram
from evaluation.measures.metrics import fmr, fnmr, fnmr_at_fmr
from evaluation.scores import Scores

score = st.one_of(st.sampled_from([-np.inf, -1.0, 0.0, 0.25, 1.0]), st.floats(-1, 1))
scores = arrays(np.float64, st.integers(1, 60), elements=score)


@settings(deadline=None)
@given(scores, scores, st.sampled_from([5, 20, 500]))
def test_roc_rises_and_every_point_is_real(
    genuine: Scores, impostor: Scores, max_points: int
) -> None:
    curve = roc_curve(genuine, impostor, max_points)
    assert 1 <= len(curve) <= max_points
    assert (curve[["fmr", "tar"]].diff().dropna() >= 0).all().all()
    assert (curve["threshold"].diff().dropna() < 0).all()
    assert np.isfinite(curve.to_numpy()).all()
    for false_match, tar, threshold in curve[["fmr", "tar", "threshold"]].to_numpy():
        assert fmr(impostor, threshold) == pytest.approx(false_match)
        assert 1 - fnmr(genuine, threshold) == pytest.approx(tar)


@settings(deadline=None)
@given(scores, scores)
def test_roc_runs_from_nobody_to_everybody_with_a_template(
    genuine: Scores, impostor: Scores
) -> None:
    curve = roc_curve(genuine, impostor)
    assert curve.iloc[0][["fmr", "tar"]].tolist() == [0, 0]
    assert curve.iloc[-1]["fmr"] == pytest.approx(np.isfinite(impostor).mean())
    assert curve.iloc[-1]["tar"] == pytest.approx(np.isfinite(genuine).mean())


def test_roc_by_hand() -> None:
    curve = roc_curve(np.array([0.9, 0.5]), np.array([0.5, 0.1]))
    assert curve["threshold"].tolist() == [np.nextafter(0.9, 1), 0.9, 0.5, 0.1]
    assert curve["fmr"].tolist() == [0, 0, 0.5, 1]
    assert curve["tar"].tolist() == [0, 0.5, 1, 1]


def test_a_thinned_curve_has_the_best_tar_for_its_fmr() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.4, 0.2, 3000), rng.normal(0, 0.2, 30_000)
    curve = roc_curve(genuine, impostor, max_points=60)
    assert 30 < len(curve) <= 60
    for false_match, tar in curve.loc[curve["fmr"].between(0, 1, "neither"), ["fmr", "tar"]].values:
        assert tar >= fnmr_at_fmr(genuine, impostor, false_match).tar - 1e-12


def test_det_never_shows_zero() -> None:
    curve = det_curve(np.array([0.8, 0.9]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert curve["fmr"].min() == 0.125
    assert curve["fnmr"].min() == 0.25
    assert curve.columns.tolist() == ["fmr", "fnmr", "threshold"]


@settings(deadline=None)
@given(scores, scores)
def test_histogram_holds_all_that_has_a_template(genuine: Scores, impostor: Scores) -> None:
    table = score_histogram(genuine, impostor)
    assert len(table) == 100
    assert table["genuine"].sum() == pytest.approx(np.isfinite(genuine).mean())
    assert table["impostor"].sum() == pytest.approx(np.isfinite(impostor).mean())


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(TooFewComparisonsError, match="ROC"):
        roc_curve(np.zeros(0), np.zeros(3))
    with pytest.raises(TooFewComparisonsError, match="ROC"):
        det_curve(np.zeros(3), np.zeros(0))
