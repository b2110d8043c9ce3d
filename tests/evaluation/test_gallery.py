from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.gallery import (
    COLUMNS,
    FALSE_MATCH,
    FALSE_NON_MATCH,
    MAX_PER_PERSON,
    worst_pairs,
)
from evaluation.groups.slices import Slice
from evaluation.scores import ScoredSplit

THRESHOLD = 0.3


@pytest.fixture(scope="module")
def split(make_split: Callable[..., ScoredSplit]) -> ScoredSplit:
    made = make_split(num_subjects=20, num_photos=4)
    table = made.table.assign(image_id=[f"i{row:03d}" for row in range(len(made.table))])
    return ScoredSplit(table, made.usable, made.pairs, made.scores)


def test_the_worst_of_both_kinds_in_order(split: ScoredSplit) -> None:
    found = worst_pairs(split, THRESHOLD, limit=10)
    matches = found[found["kind"] == FALSE_MATCH]
    misses = found[found["kind"] == FALSE_NON_MATCH]
    assert tuple(found.columns) == COLUMNS
    assert matches["score"].is_monotonic_decreasing
    assert misses["score"].is_monotonic_increasing
    assert matches["score"].iloc[0] == split.impostor_scores.max()
    finite = split.genuine_scores[np.isfinite(split.genuine_scores)]
    assert misses["score"].iloc[0] == finite.min()
    assert (matches["left_subject_id"] != matches["right_subject_id"]).all()
    assert (misses["left_subject_id"] == misses["right_subject_id"]).all()
    assert (matches["score"] >= THRESHOLD).all()
    assert (misses["score"] < THRESHOLD).all()


def test_nobody_fills_the_gallery(split: ScoredSplit) -> None:
    found = worst_pairs(split, -1.0, limit=50)
    matches = found[found["kind"] == FALSE_MATCH]
    people = Counter([*matches["left_subject_id"], *matches["right_subject_id"]])
    assert max(people.values()) <= MAX_PER_PERSON
    couples = {frozenset(c) for c in matches[["left_subject_id", "right_subject_id"]].to_numpy()}
    assert len(couples) == len(matches) > 5


def test_failed_photos_have_no_score_to_be_wrong_by(split: ScoredSplit) -> None:
    assert np.isneginf(split.genuine_scores).any()
    assert np.isfinite(worst_pairs(split, 1.0, limit=1000)["score"]).all()


def test_slices_of_a_pair_are_named(split: ScoredSplit) -> None:
    parts = [
        Slice("genuine_ones", split.pairs.genuine),
        Slice("all", np.ones(len(split.pairs), bool)),
    ]
    found = worst_pairs(split, THRESHOLD, parts, limit=2)
    named = dict(zip(found["kind"], found["slices"], strict=True))
    assert named == {FALSE_MATCH: "all", FALSE_NON_MATCH: "genuine_ones all"}


def test_without_errors_there_is_nothing(split: ScoredSplit) -> None:
    perfect = ScoredSplit(
        split.table, split.usable, split.pairs, np.where(split.pairs.genuine, 1.0, -1.0)
    )
    assert len(worst_pairs(perfect, 0.0)) == 0


def test_pictures_need_ids(make_split: Callable[..., ScoredSplit]) -> None:
    with pytest.raises(ScoresError, match="image_id"):
        worst_pairs(make_split(num_subjects=3, num_photos=2), THRESHOLD)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 999))
def test_the_order_of_pairs_does_not_matter(split: ScoredSplit, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(split.pairs))
    pairs = Pairs(split.pairs.left[order], split.pairs.right[order], split.pairs.genuine[order])
    scores = np.round(split.scores, 1)
    tied = ScoredSplit(split.table, split.usable, split.pairs, scores)
    shuffled = ScoredSplit(split.table, split.usable, pairs, scores[order])
    assert worst_pairs(shuffled, THRESHOLD).equals(worst_pairs(tied, THRESHOLD))
