import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.measures.discard import error_versus_discard

SCORES = np.array([0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 1.0])


def test_the_steps_of_a_small_case() -> None:
    """At an FNMR of 0.2 the two lowest scores fail."""
    qualities = np.array([1, 3, 2, 4, 5, 6, 7, 8, 9, 10], float)
    curve = error_versus_discard(SCORES, qualities, 0.2, max_discard=0.3)
    assert curve.threshold == 0.5
    np.testing.assert_allclose(curve.discarded_shares[:4], [0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(curve.fnmrs[:4], [0.2, 1 / 9, 1 / 8, 0])
    assert curve.fnmr_at(0.199) == curve.fnmr_at(0.1) == pytest.approx(1 / 9)
    assert curve.fnmr_at(0.2) == pytest.approx(1 / 8)
    steps = 0.1 * (0.2 + 1 / 9 + 1 / 8)
    assert curve.partial_area == pytest.approx((steps - 0.2**2 / 2) / 0.3)


def test_one_quality_for_all_knows_nothing() -> None:
    curve = error_versus_discard(SCORES, np.ones(10), 0.2)
    assert curve.fnmrs.tolist() == [0.2]
    assert curve.relative_area == pytest.approx(1)


def test_a_rate_lies_between_two_steps() -> None:
    curve = error_versus_discard(SCORES, SCORES, 0.25)
    assert curve.initial_fnmr == pytest.approx(0.2)


def test_equal_scores_do_not_fail_together() -> None:
    scores = np.array([0.1, 0.9, 0.9, 0.9])
    assert error_versus_discard(scores, scores, 0.5).initial_fnmr == pytest.approx(0.25)


def large(seed: int, num: int = 4000) -> tuple[NDArray[np.float64], np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.6, 0.15, num), rng


def test_good_qualities_make_a_lower_area() -> None:
    scores, rng = large(1)
    noises = (0.0, 0.1, 0.3, 1.0)
    areas = [
        error_versus_discard(scores, scores + rng.normal(0, sd, 4000), 0.05).relative_area
        for sd in noises
    ]
    assert areas == sorted(areas)
    assert areas[0] < 0.02
    useless = error_versus_discard(scores, rng.random(4000), 0.05).relative_area
    assert useless == pytest.approx(1, abs=0.1)
    assert error_versus_discard(scores, -scores, 0.05).relative_area > 1


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_order_and_scale_do_not_matter(seed: int, num_levels: int) -> None:
    scores, rng = large(seed, 200)
    qualities = rng.integers(0, num_levels, 200).astype(float)
    order = rng.permutation(200)
    plain = error_versus_discard(scores, qualities, 0.1)
    shuffled = error_versus_discard(scores[order], np.exp(qualities[order] / 9), 0.1)
    np.testing.assert_allclose(plain.fnmrs, shuffled.fnmrs)
    assert plain.partial_area == pytest.approx(shuffled.partial_area)


@given(st.integers(0, 10_000))
def test_the_curve_is_what_counting_gives(seed: int) -> None:
    scores, rng = large(seed, 150)
    qualities = rng.integers(0, 40, 150).astype(float)
    curve = error_versus_discard(scores, qualities, 0.1)
    for level, share, fnmr in zip(
        np.unique(qualities), curve.discarded_shares, curve.fnmrs, strict=True
    ):
        left = scores[qualities >= level]
        assert share == pytest.approx(1 - len(left) / 150)
        assert fnmr == pytest.approx(np.mean(left < curve.threshold))


@pytest.mark.parametrize(
    ("scores", "qualities", "rate", "message"),
    [
        (np.ones(3), np.ones(4), 0.1, "one of each"),
        (np.ones(0), np.ones(0), 0.1, "one of each"),
        (np.array([1, np.nan]), np.ones(2), 0.5, "not finite"),
        (np.ones(4), np.ones(4), 0.5, "none of 4 comparisons fails"),
        (np.arange(5.0), np.ones(5), 0.1, "none of 5 comparisons fails"),
        (np.arange(5.0), np.ones(5), 1.0, "between 0 and 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    scores: NDArray[np.float64], qualities: NDArray[np.float64], rate: float, message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        error_versus_discard(scores, qualities, rate)
