import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.measures.tenfold import (
    best_single_accuracy,
    best_threshold,
    tenfold_accuracy,
    tenfold_on_grid,
)
from evaluation.scores import Flags, Scores

score = st.one_of(st.sampled_from([-math.inf, 0.0, 0.5]), st.floats(-1, 1))


def protocol(num_folds: int, num_each: int) -> Pairs:
    num_pairs = 2 * num_folds * num_each
    return Pairs(
        left=np.arange(num_pairs),
        right=np.arange(num_pairs) + num_pairs,
        genuine=np.tile(np.repeat([True, False], num_each), num_folds),
        fold=np.repeat(np.arange(num_folds), 2 * num_each),
    )


def test_by_hand() -> None:
    # Genuine, genuine, impostor, impostor in each of three folds.
    scores = np.array([0.9, 0.8, 0.1, 0.2, 0.9, 0.3, 0.1, 0.6, 0.7, 0.8, 0.5, 0.2])
    found = tenfold_accuracy(scores, protocol(3, 2))
    # Without fold 0 the genuine 0.3 stays below the impostor 0.6, so one mistake is the least;
    # only thresholds between 0.6 and 0.7 make no other.
    assert found.fold_thresholds[0] == pytest.approx(0.65)
    assert found.fold_accuracies[0] == 1
    # Without fold 1 everything between 0.5 and 0.7 is right; fold 1 then loses 0.3 and 0.6.
    assert found.fold_thresholds[1] == pytest.approx(0.6)
    assert found.fold_accuracies[1] == 0.5
    assert found.mean == pytest.approx(np.mean(found.fold_accuracies))
    assert found.std == pytest.approx(np.std(found.fold_accuracies, ddof=1))
    assert found.standard_error == pytest.approx(found.std / math.sqrt(3))


def test_failed_photos_are_predicted_different() -> None:
    pairs = protocol(2, 2)
    scores = np.where(pairs.genuine, 0.9, 0.1)
    scores[[0, 2]] = -math.inf  # a genuine and an impostor pair of fold 0
    found = tenfold_accuracy(scores, pairs)
    assert found.fold_accuracies == (0.75, 1)


def test_all_failed_is_half_right() -> None:
    found = tenfold_accuracy(np.full(8, -math.inf), protocol(2, 2))
    assert (found.mean, found.std) == (0.5, 0)


@settings(deadline=None)
@given(st.data())
def test_no_threshold_is_better(data: st.DataObject) -> None:
    num = data.draw(st.integers(1, 25))
    scores: Scores = data.draw(arrays(np.float64, num, elements=score))
    genuine: Flags = data.draw(arrays(np.bool_, num))
    threshold = best_threshold(scores, genuine)
    assert math.isfinite(threshold)
    correct = np.count_nonzero((scores >= threshold) == genuine)
    for other in [*scores[np.isfinite(scores)], 1.1]:
        assert correct >= np.count_nonzero((scores >= other) == genuine)


@settings(deadline=None)
@given(st.integers(2, 10), st.integers(1, 6), st.integers(0, 99))
def test_accuracy_is_that_of_each_fold_held_out(num_folds: int, num_each: int, seed: int) -> None:
    pairs = protocol(num_folds, num_each)
    scores = np.random.default_rng(seed).normal(pairs.genuine, 1)
    found = tenfold_accuracy(scores, pairs)
    assert len(found.fold_accuracies) == num_folds
    assert pairs.fold is not None
    for k in range(num_folds):
        changed = scores.copy()
        changed[pairs.fold == k] = 0  # what is in a fold must not move its own threshold
        assert tenfold_accuracy(changed, pairs).fold_thresholds[k] == found.fold_thresholds[k]


def test_pairs_without_folds_are_refused() -> None:
    folds = protocol(1, 3)
    none = Pairs(folds.left, folds.right, folds.genuine)
    for pairs in (folds, none):
        with pytest.raises(ScoresError, match="no folds"):
            tenfold_accuracy(np.zeros(6), pairs)


def _by_distance(scores: Scores, pairs: Pairs) -> list[float]:
    """The grid's accuracies, the long way round: squared distances, one threshold at a time."""
    assert pairs.fold is not None
    distances = 2 - 2 * scores
    found = []
    for fold in range(int(pairs.fold.max()) + 1):
        held, rest = pairs.fold == fold, pairs.fold != fold
        best, best_correct = 0.0, -1
        for step in range(400):
            threshold = step / 100
            correct = int(((distances[rest] < threshold) == pairs.genuine[rest]).sum())
            if correct > best_correct:
                best, best_correct = threshold, correct
        found.append(float(((distances[held] < best) == pairs.genuine[held]).mean()))
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), spread=st.floats(0.05, 0.6))
def test_grid_is_that_of_squared_distances(seed: int, spread: float) -> None:
    pairs = protocol(4, 6)
    rng = np.random.default_rng(seed)
    scores = np.clip(np.where(pairs.genuine, 0.6, 0.0) + rng.normal(0, spread, len(pairs)), -1, 1)
    found = tenfold_on_grid(scores, pairs)
    assert list(found.fold_accuracies) == pytest.approx(_by_distance(scores, pairs))


def test_both_definitions_agree_to_a_few_pairs() -> None:
    pairs = protocol(10, 300)
    rng = np.random.default_rng(1)
    scores = np.clip(np.where(pairs.genuine, 0.6, 0.0) + rng.normal(0, 0.12, len(pairs)), -1, 1)
    ours, grid = tenfold_accuracy(scores, pairs), tenfold_on_grid(scores, pairs)
    assert 0.97 < ours.mean < 1
    assert grid.mean == pytest.approx(ours.mean, abs=0.001)
    assert best_single_accuracy(scores, pairs.genuine) >= max(ours.mean, grid.mean)


def test_grid_without_folds_and_best_of_nothing_are_refused() -> None:
    pairs = protocol(2, 2)
    with pytest.raises(ScoresError, match="no folds"):
        tenfold_on_grid(np.zeros(8), Pairs(pairs.left, pairs.right, pairs.genuine))
    with pytest.raises(ScoresError, match="no pairs"):
        best_single_accuracy(np.zeros(0), np.zeros(0, dtype=bool))
