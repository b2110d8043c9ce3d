import importlib.util
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from evaluation.errors import EvaluationError, TooFewComparisonsError
from evaluation.measures.metrics import auc, eer, fmr, fnmr, fnmr_at_fmr, threshold_at_fmr
from evaluation.scores import Scores

# A coarse grid makes ties, -inf stands for a failure to extract.
score = st.one_of(st.sampled_from([-math.inf, -1.0, 0.0, 0.25, 1.0]), st.floats(-1, 1))
scores = arrays(np.float64, st.integers(1, 40), elements=score)
targets = st.floats(0.001, 0.999)


def array(*values: float) -> Scores:
    return np.array(values)


def test_a_score_on_the_threshold_is_accepted() -> None:
    assert fmr(array(0.1, 0.2, 0.3, 0.4), 0.3) == 0.5
    assert fnmr(array(0.1, 0.2, 0.3, 0.4), 0.3) == 0.5


def test_failures_stay_in_the_denominator() -> None:
    assert fnmr(array(-math.inf, 0.9, 0.9, 0.9), -1) == 0.25
    assert fmr(array(-math.inf, -math.inf, 0.9, 0.9), -1) == 0.5


@pytest.mark.parametrize(
    ("target", "accepted_count"), [(0.1, 1), (0.19, 1), (0.2, 2), (0.3, 3), (0.7, 7), (0.99, 9)]
)
def test_threshold_of_ten_scores(target: float, accepted_count: int) -> None:
    impostor = np.arange(10) / 10
    threshold = threshold_at_fmr(impostor, target)
    assert fmr(impostor, threshold) == accepted_count / 10
    assert threshold == np.nextafter(impostor[9 - accepted_count], 1)


def test_of_tied_impostors_none_is_accepted() -> None:
    impostor = array(0.1, 0.2, 0.5, 0.5, 0.5)
    threshold = threshold_at_fmr(impostor, 0.4)
    assert threshold == np.nextafter(0.5, 1)
    assert fmr(impostor, threshold) == 0


@settings(deadline=None)
@given(scores, targets)
def test_threshold_keeps_the_target_and_is_the_smallest(impostor: Scores, target: float) -> None:
    try:
        threshold = threshold_at_fmr(impostor, target)
    except TooFewComparisonsError:
        assert 1 / len(impostor) > target
        return
    assert fmr(impostor, threshold) <= target
    smaller = math.nextafter(threshold, -math.inf)
    assert smaller == -math.inf or fmr(impostor, smaller) > target


@settings(deadline=None)
@given(scores, scores, targets, st.integers(0, 99))
def test_order_does_not_matter(genuine: Scores, impostor: Scores, target: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    other_genuine, other_impostor = rng.permutation(genuine), rng.permutation(impostor)
    assert auc(genuine, impostor) == auc(other_genuine, other_impostor)
    assert eer(genuine, impostor) == eer(other_genuine, other_impostor)
    if 1 / len(impostor) <= target:
        found = fnmr_at_fmr(genuine, impostor, target)
        assert found == fnmr_at_fmr(other_genuine, other_impostor, target)


@settings(deadline=None)
@given(scores, scores)
def test_auc_is_the_share_of_couples_in_order(genuine: Scores, impostor: Scores) -> None:
    couples = [
        1.0 if high > low else 0.5 if high == low else 0.0 for high in genuine for low in impostor
    ]
    assert auc(genuine, impostor) == pytest.approx(sum(couples) / len(couples), abs=1e-12)


@settings(deadline=None)
@given(scores, scores)
def test_auc_of_exchanged_roles_is_the_rest(genuine: Scores, impostor: Scores) -> None:
    assert auc(genuine, impostor) + auc(impostor, genuine) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ((0.8, 0.9), (0.1, 0.2), 0.0),
        ((0.1, 0.2), (0.8, 0.9), 1.0),
        ((0.5,), (0.5,), 0.5),
        ((0.2, 0.6, 0.7, 0.8), (0.1, 0.3, 0.4, 0.9), 0.25),
        # From (FMR 0, FNMR 1/2) straight to (1/3, 0): they meet at 1/5.
        ((0.9, 0.5), (0.5, 0.1, 0.2), 0.2),
        ((-math.inf, 0.9), (0.1, 0.2), 0.5),
    ],
)
def test_eer_by_hand(
    genuine: tuple[float, ...], impostor: tuple[float, ...], expected: float
) -> None:
    assert eer(array(*genuine), array(*impostor)) == pytest.approx(expected)


@settings(deadline=None)
@given(scores, scores)
def test_no_threshold_beats_eer_on_both_sides(genuine: Scores, impostor: Scores) -> None:
    found = eer(genuine, impostor)
    assert 0 <= found <= 1
    for threshold in np.concatenate([genuine, impostor]):
        assert max(fmr(impostor, threshold), fnmr(genuine, threshold)) >= found - 1e-12


def test_fnmr_at_fmr_by_hand() -> None:
    genuine, impostor = array(0.2, 0.5, 0.8, 0.9), array(0.1, 0.2, 0.3, 0.6)
    found = fnmr_at_fmr(genuine, impostor, 0.25)
    assert (found.fmr, found.fnmr, found.tar) == (0.25, 0.25, 0.75)
    assert found.threshold == np.nextafter(0.3, 1)


def test_too_few_impostors_say_how_many_are_needed() -> None:
    with pytest.raises(TooFewComparisonsError, match="999 comparisons, 1000 needed") as caught:
        threshold_at_fmr(np.zeros(999), 1e-3)
    assert caught.value.num_needed == 1000
    assert threshold_at_fmr(np.arange(1000.0), 1e-3) > 998


@pytest.mark.parametrize("target", [0, -0.1, 1, 1.5, math.nan])
def test_a_target_outside_0_and_1_is_refused(target: float) -> None:
    with pytest.raises(EvaluationError, match="between 0 and 1"):
        threshold_at_fmr(np.zeros(10), target)


def test_nothing_to_count_is_an_error() -> None:
    nothing = np.zeros(0)
    for measure in (fmr, fnmr):
        with pytest.raises(TooFewComparisonsError):
            measure(nothing, 0.5)
    for pair_measure in (auc, eer):
        with pytest.raises(TooFewComparisonsError, match="genuine"):
            pair_measure(nothing, np.zeros(1))
        with pytest.raises(TooFewComparisonsError, match="impostor"):
            pair_measure(np.zeros(1), nothing)


@pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)
def test_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score, roc_curve  # type: ignore[import-untyped]

    rng = np.random.default_rng(3)
    genuine, impostor = rng.normal(1, 1, 700).round(2), rng.normal(0, 1, 2300).round(2)
    labels = np.repeat([1, 0], [700, 2300])
    both = np.concatenate([genuine, impostor])
    assert auc(genuine, impostor) == pytest.approx(roc_auc_score(labels, both), abs=1e-12)
    for false_positive, true_positive, threshold in zip(
        *roc_curve(labels, both, drop_intermediate=False), strict=True
    ):
        assert fmr(impostor, threshold) == pytest.approx(false_positive)
        assert 1 - fnmr(genuine, threshold) == pytest.approx(true_positive)
