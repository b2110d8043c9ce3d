import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_curve as sklearn_roc_curve  # type: ignore[import-untyped]

from evaluation.measures.bands import det_band, simultaneous_band
from evaluation.measures.curves import roc_curve
from evaluation.measures.metrics import fnmr_at_fmr
from evaluation.measures.resampled import resampled_rates, with_interval
from evaluation.scores import ScoredSplit, Scores
from evaluation.uncertainty.bootstrap import SubjectBootstrap, dyad_sums, person_sums

BOOTSTRAP = SubjectBootstrap(replicates=150)
grid = st.sampled_from([-np.inf, *np.linspace(-1, 1, 9).tolist()])
scores = arrays(np.float64, st.integers(1, 30), elements=grid)


def test_every_replicate_is_a_weighted_count(campus: ScoredSplit) -> None:
    people, genuine = campus.subject_codes(), campus.pairs.genuine
    left, right = people[campus.pairs.left], people[campus.pairs.right]
    weights = BOOTSTRAP.weights(30)
    found = resampled_rates(campus, np.array([0.3, 0.5, 0.1, -1.0]), BOOTSTRAP)
    assert found.thresholds.tolist() == [0.5, 0.3, 0.1, -1.0]
    totals = dyad_sums(weights, left[~genuine], right[~genuine])
    own = person_sums(weights, np.bincount(left[genuine], minlength=30).astype(float))
    for k, threshold in enumerate(found.thresholds.tolist()):
        wrong = ~genuine & (campus.scores >= threshold)
        missed = genuine & (campus.scores < threshold)
        hits = dyad_sums(weights, left[wrong], right[wrong])
        misses = person_sums(weights, np.bincount(left[missed], minlength=30).astype(float))
        assert found.fmrs[:, k] == pytest.approx(hits / totals)
        assert found.fnmrs[:, k] == pytest.approx(misses / own)


def test_the_threshold_is_chosen_anew_in_each_replicate(campus: ScoredSplit) -> None:
    found = fnmr_at_fmr(campus.genuine_scores, campus.impostor_scores, 0.05)
    first = with_interval(found, campus, 0.9, BOOTSTRAP).interval
    wide = with_interval(found, campus, 0.99, BOOTSTRAP).interval
    assert first is not None
    assert wide is not None
    assert wide.low <= first.low < found.fnmr < first.high <= wide.high
    # The plain way: every impostor score as a threshold.
    levels = np.nextafter(campus.impostor_scores[np.isfinite(campus.impostor_scores)], np.inf)
    every = resampled_rates(campus, levels, BOOTSTRAP)
    chosen = [fn[fm <= 0.05][-1] for fm, fn in zip(every.fmrs, every.fnmrs, strict=True)]
    low, high = np.quantile(chosen, [0.05, 0.95])
    assert (first.low, first.high) == pytest.approx((low, high), abs=0.01)


def test_band_holds_the_points_of_the_curve(campus: ScoredSplit) -> None:
    band = det_band(campus, 0.9, BOOTSTRAP)
    assert 20 < len(band.points) <= 60
    fmrs = [point.fmr.rate or 0.0 for point in band.points]
    fnmrs = [point.fnmr.rate or 0.0 for point in band.points]
    assert fmrs == sorted(fmrs)
    assert fnmrs == sorted(fnmrs, reverse=True)
    for point in band.points:
        assert point.fmr.rate is not None
        assert point.fmr.low <= point.fmr.rate <= point.fmr.high
        if point.fmr_simultaneous is not None and point.fmr.bootstrap is not None:
            assert point.fmr_simultaneous.low <= point.fmr.bootstrap.low + 1e-12
            assert point.fmr_simultaneous.high >= point.fmr.bootstrap.high - 1e-12


def test_simultaneous_band_holds_whole_curves() -> None:
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(500, 1)) + 0.5 * rng.normal(size=(500, 12))
    band = simultaneous_band(curves, 0.9)
    low = np.array([end.low for end in band if end is not None])
    high = np.array([end.high for end in band if end is not None])
    inside = ((low <= curves) & (curves <= high)).all(axis=1).mean()
    assert 0.9 <= inside <= 0.92
    pointwise = np.quantile(curves, [0.05, 0.95], axis=0)
    narrow = ((pointwise[0] <= curves) & (curves <= pointwise[1])).all(axis=1).mean()
    assert narrow < 0.75
    assert simultaneous_band(np.full((5, 2), 0.5), 0.9) == (None, None)


@settings(deadline=None)
@given(scores, scores, st.integers(0, 99))
def test_roc_rises_and_is_that_of_scikit_learn(
    genuine: Scores, impostor: Scores, seed: int
) -> None:
    curve = roc_curve(genuine, impostor)
    assert (np.diff(curve["fmr"]) >= 0).all()
    assert (np.diff(curve["tar"]) >= 0).all()
    rng = np.random.default_rng(seed)
    assert roc_curve(rng.permutation(genuine), rng.permutation(impostor)).equals(curve)
    both = np.concatenate([genuine, impostor])
    finite = np.where(np.isfinite(both), both, -9.0)  # scikit-learn takes no -inf
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    expected = sklearn_roc_curve(labels, finite, drop_intermediate=False)
    known = set(zip(expected[0].tolist(), expected[1].tolist(), strict=True))
    for fmr, tar in zip(curve["fmr"].tolist(), curve["tar"].tolist(), strict=True):
        assert (fmr, tar) in known
