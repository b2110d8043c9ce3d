"""A plan is keyed by name and number: another gate or candidate leaves everybody else alone."""

from pathlib import Path

import pytest

from data.simulator import Candidate, Morning, SimulatorConfig, World, plan_morning
from data.simulator.config import GateConfig, SessionConfig, SimulatorConfigError
from data.simulator.config import read_simulator_config as read


def _by_id(morning: Morning) -> dict[str, Candidate]:
    return {candidate.transaction_id: candidate for candidate in morning.candidates}


def test_the_same_config_gives_the_same_morning(names: World, two_gates: SimulatorConfig) -> None:
    assert plan_morning(two_gates, names) == plan_morning(two_gates, names)
    other = two_gates.model_copy(update={"seed": 1})
    assert plan_morning(two_gates, names).candidates != plan_morning(other, names).candidates


def test_candidates_come_in_the_order_of_their_arrival(
    names: World, two_gates: SimulatorConfig
) -> None:
    arrivals = [candidate.arrived_s for candidate in plan_morning(two_gates, names).candidates]
    assert arrivals == sorted(arrivals)
    assert len(arrivals) == two_gates.num_candidates == 120


def test_another_gate_and_more_candidates_move_nobody(
    names: World, two_gates: SimulatorConfig
) -> None:
    session = two_gates.sessions[0]
    longer = session.gates[0].model_copy(update={"num_candidates": 75})
    extra = GateConfig(name="north", num_candidates=40)
    more = session.model_copy(update={"gates": (extra, longer, session.gates[1])})
    later = SessionConfig(name="gym", starts_at_hour=8.0, gates=(extra,))
    larger = two_gates.model_copy(update={"sessions": (later, more)})
    before, after = _by_id(plan_morning(two_gates, names)), _by_id(plan_morning(larger, names))
    assert len(after) == len(before) + 15 + 40 + 40
    assert all(after[name] == candidate for name, candidate in before.items())


def test_the_light_of_a_frame_is_that_of_the_arrival(
    names: World, two_gates: SimulatorConfig
) -> None:
    for candidate in plan_morning(two_gates, names).candidates:
        assert len({frame.light for frame in candidate.conditions}) == 1
        assert len(candidate.conditions) == two_gates.service.max_attempts
        assert len({frame.seed for frame in candidate.conditions}) == len(candidate.conditions)


@pytest.mark.parametrize("num", [1, 4, 7, 300])
def test_lines_are_spread_evenly_over_the_gates(num: int) -> None:
    config = SimulatorConfig().with_candidates(num)
    counts = [gate.num_candidates for session in config.sessions for gate in session.gates]
    assert sum(counts) == num
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("sessions: []", "sessions"),
        ("claims: {imposter_share: 0.1}", "imposter_share"),
        ("service: {max_attempts: 0}", "max_attempts"),
        ("a: [", "cannot be read"),
        (
            "sessions: [{name: a, starts_at_hour: 9, gates: [{name: x, num_candidates: 1},"
            " {name: x, num_candidates: 2}]}]",
            "x occurs twice",
        ),
    ],
)
def test_a_config_file_that_is_none_is_refused_by_name(
    tmp_path: Path, text: str, word: str
) -> None:
    path = tmp_path / "morning.yaml"
    path.write_text(text)
    with pytest.raises(SimulatorConfigError, match=word) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_config_file_is_read_and_an_absent_one_named(tmp_path: Path) -> None:
    path = tmp_path / "morning.yaml"
    path.write_text("seed: 7\nclaims: {impostor_share: 0.5}\n")
    assert read(path).claims.impostor_share == 0.5
    with pytest.raises(SimulatorConfigError, match=r"no\.yaml"):
        read(path.with_name("no.yaml"))
