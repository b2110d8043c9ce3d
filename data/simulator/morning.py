"""A morning before its first decision: who comes when, with whose ID, and every possible frame.

Each candidate is drawn out of streams named by session, gate and number. The light of a frame is
that of the minute in which the candidate came to the door, not that of the minute at the camera:
how long the queue takes depends on the system under test, and the frames must not.
"""

from dataclasses import dataclass

from data.simulator.arrivals import arrival_times_s
from data.simulator.behaviour import stances
from data.simulator.claims import Claim, draw_claim
from data.simulator.conditions import Conditions, GateLight, draw_conditions
from data.simulator.config import GateConfig, SessionConfig, SimulatorConfig
from data.simulator.day import Day
from data.simulator.service import Pace, draw_pace
from data.simulator.streams import stream
from data.simulator.world import World


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of the roll, and all that is known of it beforehand."""

    session: str
    gate: str
    number: int
    """On the roll of this gate, from 0."""
    arrived_s: float
    """At the door, in seconds since midnight; for the absent, when they would have come."""
    claim: Claim
    pace: Pace
    conditions: tuple[Conditions, ...]
    """Of attempts 1, 2, …; the later ones are needed only after refusals."""

    @property
    def transaction_id(self) -> str:
        """Name of this line, unique in the morning."""
        return f"{self.session}/{self.gate}/{self.number:05d}"


@dataclass(frozen=True, slots=True)
class Morning:
    """Everything that is settled before the first decision."""

    config: SimulatorConfig
    candidates: tuple[Candidate, ...]
    """By arrival; the absent are among them."""

    @property
    def present(self) -> tuple[Candidate, ...]:
        """Who comes, by arrival."""
        return tuple(c for c in self.candidates if c.claim.presented_subject_id is not None)


def plan_morning(config: SimulatorConfig, world: World) -> Morning:
    """Draw a morning in a world. No photo is made, and nothing is decided."""
    day = Day(config.day, config.seed)
    candidates = [
        candidate
        for session in config.sessions
        for gate in session.gates
        for candidate in _roll(config, session, gate, world, day)
    ]
    candidates.sort(key=lambda c: (c.arrived_s, c.transaction_id))
    return Morning(config, tuple(candidates))


def _roll(
    config: SimulatorConfig, session: SessionConfig, gate: GateConfig, world: World, day: Day
) -> list[Candidate]:
    starts_at_s = 3600 * session.starts_at_hour
    arrivals_s = arrival_times_s(
        config.arrivals, config.seed, session.name, gate.name, starts_at_s, gate.num_candidates
    )
    found: list[Candidate] = []
    for number, arrived_s in enumerate(arrivals_s):
        friend = found[-1].claim.claimed_subject_id if found else None
        key = (session.name, gate.name, number)
        rng = stream(config.seed, "claim", *key)
        light = light_at(gate, day, config, arrived_s)
        found.append(
            Candidate(
                session=session.name,
                gate=gate.name,
                number=number,
                arrived_s=arrived_s,
                claim=draw_claim(config.claims, world, rng, friend),
                pace=draw_pace(config.service, stream(config.seed, "pace", *key)),
                conditions=_frames(config, key, light),
            )
        )
    return found


def light_at(gate: GateConfig, day: Day, config: SimulatorConfig, time_s: float) -> GateLight:
    """The light at a gate at a time of day."""
    outdoor_lux, lamps_lux = day.outdoor_lux(time_s), config.day.lamps_lux
    daylight_lux = gate.front_daylight * outdoor_lux
    return GateLight(
        face_lux=lamps_lux + daylight_lux,
        background_lux=lamps_lux + gate.back_daylight * outdoor_lux,
        daylight_share=daylight_lux / (lamps_lux + daylight_lux),
        door_azimuth_deg=gate.door_azimuth_deg,
    )


def _frames(
    config: SimulatorConfig, key: tuple[str, str, int], light: GateLight
) -> tuple[Conditions, ...]:
    taken = stances(config.behaviour, config.seed, key, config.service.max_attempts)
    return tuple(
        draw_conditions(
            config.behaviour,
            config.camera,
            stance,
            light,
            stream(config.seed, "frame", *key, attempt),
        )
        for attempt, stance in enumerate(taken, start=1)
    )
