"""Arrivals follow the intensity, come in bursts, and do not depend on each other's number."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.simulator.arrivals import ArrivalConfig, ArrivalTimes, arrival_times_s

ALONE = ArrivalConfig(friend_share=0, bus_share=0)
NINE_S = 9 * 3600.0


@st.composite
def intensities(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    minutes = draw(st.lists(st.integers(-90, 30), min_size=2, max_size=6, unique=True))
    weights = draw(
        st.lists(st.floats(0, 5), min_size=len(minutes), max_size=len(minutes)).filter(
            lambda found: max(found) > 0.01
        )
    )
    return tuple(zip(sorted(map(float, minutes)), weights, strict=True))


@given(intensity=intensities(), share=st.floats(0, 1))
@example(intensity=((0.0, 4.0), (1.0, 1.192092896e-07)), share=1.0)
def test_a_share_and_its_time_are_one(
    intensity: tuple[tuple[float, float], ...], share: float
) -> None:
    times = ArrivalTimes(ArrivalConfig(intensity=intensity))
    at_s = times.time_s(share)
    assert times.knots_s[0] <= at_s <= times.knots_s[-1]
    assert times.distribution(np.array([at_s]))[0] == pytest.approx(share, abs=1e-6)


def test_lone_arrivals_have_the_intensity_of_the_config() -> None:
    num = 4000
    found = np.sort(arrival_times_s(ALONE, 1, "aula", "east", NINE_S, num)) - NINE_S
    expected = ArrivalTimes(ALONE).distribution(found)
    distance = np.abs(expected - (np.arange(num) + 0.5) / num).max()
    assert distance < 1.63 / np.sqrt(num)  # Kolmogorov and Smirnov at 1 %


def test_the_peak_comes_before_the_start() -> None:
    found = np.array(arrival_times_s(ArrivalConfig(), 1, "aula", "east", NINE_S, 3000)) - NINE_S
    counts, edges = np.histogram(found, bins=np.arange(-3600, 1800, 300))
    assert -1800 <= edges[np.argmax(counts)] < 0
    assert (found > 0).mean() < 0.15


@given(few=st.integers(1, 20), more=st.integers(0, 20), seed=st.integers(0, 10**9))
def test_more_candidates_move_nobody(few: int, more: int, seed: int) -> None:
    longer = arrival_times_s(ArrivalConfig(), seed, "aula", "east", NINE_S, few + more)
    assert arrival_times_s(ArrivalConfig(), seed, "aula", "east", NINE_S, few) == longer[:few]


def test_gates_have_arrivals_of_their_own() -> None:
    east, west = (arrival_times_s(ALONE, 1, "aula", gate, NINE_S, 50) for gate in ("east", "west"))
    assert not set(east) & set(west)


def test_friends_come_together() -> None:
    config = ArrivalConfig(friend_share=0.5, bus_share=0)
    found = np.array(arrival_times_s(config, 1, "aula", "east", NINE_S, 2000))
    together = np.abs(np.diff(found)) < 30
    assert together.mean() == pytest.approx(0.5, abs=0.05)


def test_a_bus_brings_all_its_passengers_at_once() -> None:
    config = ArrivalConfig(friend_share=0, bus_share=1, walk_sd_s=0)
    found = arrival_times_s(config, 1, "aula", "east", NINE_S, 500)
    minutes = [minute for minute, _ in config.intensity]
    num_buses = (minutes[-1] - minutes[0]) / config.bus_every_min + 2
    assert 3 <= len({round(at_s, 3) for at_s in found}) <= num_buses


@pytest.mark.parametrize(
    ("intensity", "word"),
    [
        (((0.0, 1.0),), "two knots"),
        (((0.0, 1.0), (0.0, 1.0)), "rise"),
        (((0.0, -1.0), (5.0, 1.0)), "below 0"),
        (((0.0, 0.0), (5.0, 0.0)), "above 0"),
    ],
)
def test_an_intensity_that_is_none_is_refused(
    intensity: tuple[tuple[float, float], ...], word: str
) -> None:
    with pytest.raises(ValidationError, match=word):
        ArrivalConfig(intensity=intensity)
