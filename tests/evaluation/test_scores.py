from collections.abc import Callable

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from data.face import l2_normalise
from data.pairs import Pairs, cross_pairs
from evaluation.errors import ScoresError
from evaluation.scores import ScoredSplit, cosine_scores, score_split

TABLE = pd.DataFrame({"subject_id": ["a", "a", "b"]})
PAIRS = cross_pairs(["a", "a", "b"])
USABLE = np.array([True, True, True])
UNIT = np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)


def random_unit(num_rows: int, seed: int) -> NDArray[np.float32]:
    return l2_normalise(np.random.default_rng(seed).normal(size=(num_rows, 8)).astype(np.float32))


def test_by_hand() -> None:
    split = score_split(TABLE, UNIT, USABLE, PAIRS)
    assert split.genuine_scores == pytest.approx([0.6])
    assert split.impostor_scores == pytest.approx([0.0, 0.8])
    assert split.subject_codes().tolist() == [0, 0, 1]


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 99))
def test_agrees_with_the_matrix_product(num_rows: int, seed: int) -> None:
    embeddings = random_unit(num_rows, seed)
    usable = np.random.default_rng(seed).random(num_rows) < 0.8
    pairs = cross_pairs([str(i) for i in range(num_rows)])
    scores = cosine_scores(embeddings, usable, pairs)
    whole = (embeddings @ embeddings.T)[pairs.left, pairs.right]
    both = usable[pairs.left] & usable[pairs.right]
    assert scores[both] == pytest.approx(whole[both], abs=1e-6)
    assert (scores[~both] == -np.inf).all()


def test_a_score_does_not_depend_on_what_else_is_compared() -> None:
    embeddings = random_unit(300, 1)
    pairs = cross_pairs([str(i) for i in range(300)])  # more than one block
    usable = np.ones(300, dtype=bool)
    some = np.arange(0, len(pairs), 97)
    few = Pairs(pairs.left[some], pairs.right[some], pairs.genuine[some])
    whole = cosine_scores(embeddings, usable, pairs)
    assert np.array_equal(whole[some], cosine_scores(embeddings, usable, few))


def test_no_cosine_leaves_its_range() -> None:
    embeddings = np.repeat(random_unit(50, 2), 2, axis=0)
    scores = cosine_scores(embeddings, np.ones(100, dtype=bool), cross_pairs(["x"] * 100))
    assert scores.max() <= 1
    assert scores.min() >= -1


def test_rows_without_a_template_may_hold_anything() -> None:
    broken = UNIT.copy()
    broken[2] = np.nan
    split = score_split(TABLE, broken, np.array([True, True, False]), PAIRS)
    assert split.impostor_scores.tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: score_split(TABLE, UNIT[:2], USABLE, PAIRS), "for 3 photos"),
        (lambda: score_split(TABLE, UNIT, USABLE[:2], PAIRS), "for 3 photos"),
        (lambda: score_split(TABLE, UNIT * 2, USABLE, PAIRS), "unit length"),
        (lambda: score_split(TABLE, UNIT * np.nan, USABLE, PAIRS), "unit length"),
        (lambda: ScoredSplit(TABLE, USABLE, PAIRS, np.zeros(2)), "2 scores for 3 pairs"),
        (lambda: ScoredSplit(TABLE, USABLE, PAIRS, np.full(3, np.nan)), "not a number"),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], ScoredSplit], message: str) -> None:
    with pytest.raises(ScoresError, match=message):
        make()
