import numpy as np
import pytest
from scipy.stats import genpareto

from data.pairs import Pairs
from evaluation.measures.extremes import Tail, fit_tail, tail_report
from evaluation.operating_points import operating_points
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap

BOOTSTRAP = SubjectBootstrap(replicates=100)


def impostors(num_people: int, seed: int) -> ScoredSplit:
    """Everybody once with everybody else, normal scores of sd 0.1 and people of sd 0.05."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    left, right = np.triu_indices(num_people, 1)
    alike = rng.normal(0, 0.02, num_people)
    scores = alike[left] + alike[right] + rng.normal(0, 0.1, len(left))
    table = pd.DataFrame({"subject_id": [f"s{i:04d}" for i in range(num_people)]})
    pairs = Pairs(left, right, np.zeros(len(left), dtype=bool))
    return ScoredSplit(table, np.ones(num_people, dtype=bool), pairs, scores)


@pytest.mark.parametrize("shape", [-0.4, -0.1, 0.2])
def test_moments_find_the_law(shape: float) -> None:
    drawn = np.sort(genpareto.rvs(shape, scale=0.05, size=20_000, random_state=1))
    found = fit_tail(drawn, np.ones((1, len(drawn))), np.array([0.01]), 0.3)
    assert found.shape[0] == pytest.approx(shape, abs=0.03)
    assert found.scale[0] == pytest.approx(0.05, rel=0.05)
    for quantile in (0.05, 0.1):
        expected = 0.01 * genpareto.sf(quantile, shape, scale=0.05)
        assert found.fmr(0.3 + quantile)[0] == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.3])
def test_threshold_and_rate_are_inverse(shape: float) -> None:
    tail = Tail(0.3, np.array([0.01]), np.array([shape]), np.array([0.05]))
    for target in (1e-3, 1e-5):
        assert tail.fmr(float(tail.threshold_at(target)[0]))[0] == pytest.approx(target)
    assert tail.fmr(0.3)[0] == pytest.approx(0.01)


def test_beyond_the_end_of_the_scores_nothing_matches() -> None:
    tail = Tail(0.3, np.array([0.01]), np.array([-0.5]), np.array([0.1]))
    assert tail.fmr(0.51)[0] == 0


def test_a_weight_counts_like_that_many_exceedances() -> None:
    values = np.sort(np.random.default_rng(0).exponential(0.05, 300))
    weights = np.random.default_rng(1).integers(1, 4, 300)
    once = np.repeat(values, weights)
    plain = fit_tail(once, np.ones((1, len(once))), np.array([0.01]), 0.3)
    found = fit_tail(values, weights[None].astype(float), np.array([0.01]), 0.3)
    assert found.shape[0] == pytest.approx(plain.shape[0], abs=0.01)


def test_ten_times_beyond_the_data_the_model_is_near_the_truth() -> None:
    split = impostors(350, 0)
    points = operating_points(split.impostor_scores, [1e-2, 1e-3])
    found = tail_report(split, points, 0.9, BOOTSTRAP)
    assert found is not None
    assert found.model_based
    assert found.num_exceedances >= 500
    sd = (0.1**2 + 2 * 0.02**2) ** 0.5
    truth = 4.2649 * sd  # normal score at 1e-5
    modelled = found.targets["fmr_1e-5"]
    assert modelled.threshold == pytest.approx(truth, rel=0.1)
    assert modelled.interval is not None
    assert modelled.interval.low < truth < modelled.interval.high
    at = found.points["fmr_1e-3"]
    assert at.fmr == pytest.approx(at.observed_errors / len(split.pairs), rel=0.1)
    shapes = [row.shape for row in found.stability]
    assert len(shapes) >= 3
    assert max(abs(point.model - point.observed) for point in found.quantiles) < 0.05
    keys = dict(found.measurements("tail_model"))
    assert {"tail_model/fmr_1e-3/fmr", "tail_model/fmr_1e-5/threshold"} <= set(keys)
    assert found == tail_report(split, points, 0.9, BOOTSTRAP)


def test_too_few_comparisons_have_no_tail() -> None:
    split = impostors(60, 0)
    points = operating_points(split.impostor_scores, [1e-2])
    assert tail_report(split, points, 0.9, BOOTSTRAP) is None
