from itertools import combinations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from data.pairs import Pairs, PairsError, cross_pairs

subject_lists = st.lists(st.sampled_from(["ann", "bob", "cid", "dan"]), max_size=25)


def cells(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


@settings(deadline=None)
@given(subject_lists)
def test_every_photo_meets_every_other_once(subjects: list[str]) -> None:
    pairs = cross_pairs(subjects)
    assert cells(pairs) == list(combinations(range(len(subjects)), 2))
    assert pairs.genuine.tolist() == [subjects[i] == subjects[j] for i, j in cells(pairs)]


@settings(deadline=None)
@given(subject_lists, st.integers(1, 60), st.integers(0, 9))
def test_limit_keeps_all_genuine_and_that_many_impostors(
    subjects: list[str], limit: int, seed: int
) -> None:
    full, capped = cross_pairs(subjects), cross_pairs(subjects, limit, seed)
    assert set(cells(capped)) <= set(cells(full))
    assert len(set(cells(capped))) == len(capped)
    assert cells(capped) == sorted(cells(capped))
    assert np.count_nonzero(capped.genuine) == np.count_nonzero(full.genuine)
    num_impostor = np.count_nonzero(~full.genuine)
    assert np.count_nonzero(~capped.genuine) == min(limit, num_impostor)
    assert capped.genuine.tolist() == [subjects[i] == subjects[j] for i, j in cells(capped)]


@pytest.mark.parametrize("limit", [10, 3000])
def test_same_seed_same_draw(limit: int) -> None:
    subjects = [f"s{i // 2}" for i in range(100)]
    first, again = cross_pairs(subjects, limit, seed=1), cross_pairs(subjects, limit, seed=1)
    other = cross_pairs(subjects, limit, seed=2)
    assert cells(first) == cells(again)
    assert cells(first) != cells(other)


@pytest.mark.parametrize("limit", [60, 140])
def test_the_draw_favours_no_pair(limit: int) -> None:
    subjects = [f"s{i}" for i in range(20)]  # 190 impostor pairs; 60 and 140 draw in different ways
    hits = np.zeros((20, 20))
    for seed in range(400):
        pairs = cross_pairs(subjects, limit, seed)
        hits[pairs.left, pairs.right] += 1
    drawn = hits[np.triu_indices(20, 1)] / 400
    expected = limit / 190
    # Five standard errors: the largest of 190 deviations stays within them.
    assert np.abs(drawn - expected).max() < 5 * (expected * (1 - expected) / 400) ** 0.5


def test_arrays_must_be_as_long_as_each_other() -> None:
    with pytest.raises(PairsError, match="shapes"):
        Pairs(np.arange(2), np.arange(3), np.array([True, False]))
    with pytest.raises(PairsError, match="shapes"):
        Pairs(np.arange(2), np.arange(2), np.array([True, False]), fold=np.arange(1))
