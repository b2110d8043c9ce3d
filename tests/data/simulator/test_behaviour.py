"""What candidates change after a refusal: less before the face, nearer, stiller; never back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.simulator.behaviour import BehaviourConfig, Stance, stances

WRAPPED = BehaviourConfig(
    mask_share=0.5, scarf_share=0.5, cap_share=0.5, hand_share=0.5, walking_share=0.5
)
COVERS = ("mask", "scarf", "cap", "hand")


def _drawn(config: BehaviourConfig, num: int, attempts: int = 3) -> list[list[Stance]]:
    return [stances(config, 1, ("aula", "east", number), attempts) for number in range(num)]


@given(seed=st.integers(0, 10**6), number=st.integers(0, 1000))
def test_retries_only_make_it_easier(seed: int, number: int) -> None:
    found = stances(WRAPPED, seed, ("aula", "east", number), 4)
    assert not found[0].looks_straight
    for before, after in pairwise(found):
        for name in (*COVERS, "glasses", "walking"):
            assert getattr(after, name) <= getattr(before, name)
        assert after.distance_cm <= before.distance_cm
        assert after.looks_straight >= before.looks_straight


@given(seed=st.integers(0, 10**6), num=st.integers(1, 4))
def test_later_attempts_do_not_change_earlier_ones(seed: int, num: int) -> None:
    candidate = ("aula", "east", 3)
    assert stances(WRAPPED, seed, candidate, 5)[:num] == stances(WRAPPED, seed, candidate, num)


@pytest.mark.parametrize("cover", COVERS)
def test_what_hides_a_face_is_worn_and_taken_off_at_the_stated_rates(cover: str) -> None:
    found = _drawn(WRAPPED, 2000)
    worn = np.array([[getattr(stance, cover) for stance in attempts] for attempts in found])
    expected = 0.25 if cover == "scarf" else 0.5  # nobody wears a scarf over a mask
    assert worn[:, 0].mean() == pytest.approx(expected, abs=0.05)
    kept = worn[worn[:, 0], 1].mean()
    assert kept == pytest.approx(1 - WRAPPED.uncovers_share, abs=0.05)


def test_nobody_stands_where_the_config_has_no_place() -> None:
    distances = [attempts[0].distance_cm for attempts in _drawn(WRAPPED, 500, attempts=1)]
    low, high = WRAPPED.distance_cm
    assert low <= min(distances) < low + 10
    assert high - 10 < max(distances) <= high


@pytest.mark.parametrize("distance_cm", [(190.0, 75.0), (10.0, 100.0)])
def test_an_impossible_distance_is_refused(distance_cm: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="distance_cm"):
        BehaviourConfig(distance_cm=distance_cm)
