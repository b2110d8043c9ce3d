"""Queues and retries: one candidate at a time, a retry only after a no, within the budget."""

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.simulator import (
    Attempt,
    Decision,
    Morning,
    SimulatorConfig,
    World,
    plan_morning,
    run_gates,
    simulate,
)
from data.simulator.claims import NON_MATED
from data.simulator.gates import Decide, DecidedAttempt
from data.simulator.streams import stream

MATCH, NON_MATCH = Decision("match"), Decision("non_match")
NO_FACE = Decision("refused", "no_face")


def _by_chance(seed: int) -> Decide:
    def decide(attempt: Attempt) -> Decision:
        drawn = stream(seed, attempt.candidate.transaction_id, attempt.number).integers(3)
        return (MATCH, NON_MATCH, NO_FACE)[int(drawn)]

    return decide


def _by_candidate(found: list[DecidedAttempt]) -> dict[str, list[DecidedAttempt]]:
    grouped: dict[str, list[DecidedAttempt]] = defaultdict(list)
    for one in found:
        grouped[one.attempt.candidate.transaction_id].append(one)
    return grouped


@pytest.fixture(scope="module")
def small(names: World, two_gates: SimulatorConfig) -> Morning:
    """A morning of 24 lines, planned once: decisions change no plan."""
    return plan_morning(two_gates.with_candidates(24), names)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_whatever_is_decided_the_order_is_that_of_time(small: Morning, seed: int) -> None:
    times = [one.attempt.at_s for one in run_gates(small, _by_chance(seed))]
    assert times == sorted(times)


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_a_retry_follows_a_no_and_the_budget_ends_it(small: Morning, seed: int) -> None:
    budget = small.config.service.max_attempts
    for attempts in _by_candidate(list(run_gates(small, _by_chance(seed)))).values():
        assert [one.attempt.number for one in attempts] == list(range(1, len(attempts) + 1))
        assert len(attempts) <= budget
        assert all(one.ending is None for one in attempts[:-1])
        assert all(one.decision.outcome != "match" for one in attempts[:-1])
        for before, after in pairwise(attempts):
            assert after.attempt.at_s > before.decided_s
        last = attempts[-1]
        assert (last.ending == "admitted") == (last.decision.outcome == "match")
        if last.ending == "gave_up":
            assert last.attempt.candidate.claim.kind in NON_MATED
        if last.ending == "desk":
            assert len(attempts) == budget


def test_a_gate_takes_one_candidate_at_a_time_in_the_order_of_arrival(
    names: World, two_gates: SimulatorConfig
) -> None:
    found = _by_candidate(list(simulate(two_gates, names, _by_chance(4))))
    gates: dict[str, list[list[DecidedAttempt]]] = defaultdict(list)
    for attempts in found.values():
        gates[attempts[0].attempt.candidate.gate].append(attempts)
    opens_s = 9 * 3600 - 60 * two_gates.service.opens_min
    for turns in gates.values():
        assert turns[0][0].called_s >= opens_s
        for before, after in pairwise(turns):
            earlier, later = before[-1], after[0]
            assert earlier.attempt.candidate.arrived_s <= later.attempt.candidate.arrived_s
            assert later.called_s >= earlier.decided_s
            assert later.called_s >= later.attempt.candidate.arrived_s


def test_everybody_who_comes_has_one_ending_and_nobody_else(
    names: World, two_gates: SimulatorConfig
) -> None:
    found = list(simulate(two_gates, names, _by_chance(5)))
    ended = [one.attempt.candidate.transaction_id for one in found if one.ending is not None]
    present = plan_morning(two_gates, names).present
    assert sorted(ended) == sorted(candidate.transaction_id for candidate in present)
    assert len(present) < two_gates.num_candidates  # some are absent


@pytest.mark.parametrize("other", [lambda _: NON_MATCH, lambda _: MATCH, _by_chance(6)])
def test_frames_do_not_depend_on_what_is_decided(
    names: World, two_gates: SimulatorConfig, other: Callable[[Attempt], Decision]
) -> None:
    def frames(decide: Decide) -> dict[tuple[str, int], object]:
        return {
            (one.attempt.candidate.transaction_id, one.attempt.number): one.attempt.conditions
            for one in simulate(two_gates, names, decide)
        }

    one, two = frames(_by_chance(5)), frames(other)
    common = one.keys() & two.keys()
    assert len(common) >= len(plan_morning(two_gates, names).present)
    assert all(one[key] == two[key] for key in common)


def test_refusals_make_the_queue_longer(names: World, two_gates: SimulatorConfig) -> None:
    def waited_s(decide: Decide) -> float:
        found = simulate(two_gates, names, decide)
        firsts = (one for one in found if one.attempt.number == 1)
        return sum(one.called_s - one.attempt.candidate.arrived_s for one in firsts)

    assert waited_s(lambda _: NON_MATCH) > 1.2 * waited_s(lambda _: MATCH)
