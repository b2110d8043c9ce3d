"""The morning as it goes: queues at the gates, attempts, decisions, retries, the desk.

Each gate serves one candidate after the other in the order of arrival. The system under test is a
function from an attempt to a decision; whether there is a next attempt depends on what it says.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from data.simulator.claims import NON_MATED
from data.simulator.conditions import Conditions
from data.simulator.config import SimulatorConfig
from data.simulator.morning import Candidate, Morning, plan_morning
from data.simulator.service import ServiceConfig
from data.simulator.world import World

Outcome = Literal["match", "non_match", "refused"]
Ending = Literal["admitted", "desk", "gave_up"]
OUTCOMES: Final = get_args(Outcome)
ENDINGS: Final = get_args(Ending)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate before the camera, for the first or a further time."""

    candidate: Candidate
    number: int
    """1 is the first."""
    at_s: float
    """When the frame is taken, in seconds since midnight."""

    @property
    def conditions(self) -> Conditions:
        """Of this attempt's frame."""
        return self.candidate.conditions[self.number - 1]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the system under test makes of an attempt."""

    outcome: Outcome
    """`refused`: no comparison was made, such as for want of a face."""
    reason: str | None = None
    """Why it was refused, as a stable code; None otherwise."""
    similarity: float | None = None
    """Cosine, where there was a comparison and the system tells."""


@dataclass(frozen=True, slots=True)
class DecidedAttempt:
    """An attempt, what was decided, and what follows."""

    attempt: Attempt
    decision: Decision
    called_s: float
    """When the candidate left the queue."""
    decided_s: float
    ending: Ending | None
    """How the transaction ends here; None where there is a next attempt."""


Decide = Callable[[Attempt], Decision]


def simulate(config: SimulatorConfig, world: World, decide: Decide) -> Iterator[DecidedAttempt]:
    """Live through a morning; yields every attempt with its decision, in time order.

    `decide` is asked once for each attempt, in the same order. What it raises goes through.
    """
    return run_gates(plan_morning(config, world), decide)


def run_gates(morning: Morning, decide: Decide) -> Iterator[DecidedAttempt]:
    """`simulate` for a morning that is planned already."""
    service = morning.config.service
    gates = _Gates(morning)
    while (turn := gates.next_turn()) is not None:
        attempt = Attempt(turn.candidate, turn.number, turn.at_s)
        decision = decide(attempt)
        ending = ending_of(attempt, decision, service)
        decided_s = turn.at_s + service.decision_s
        yield DecidedAttempt(attempt, decision, turn.called_s, decided_s, ending)
        if ending is None:
            gates.retry(turn, decided_s)
        else:
            gates.free(turn, decided_s)


def ending_of(attempt: Attempt, decision: Decision, service: ServiceConfig) -> Ending | None:
    """How the transaction ends with this decision, or None where the candidate tries again."""
    if decision.outcome == "match":
        return "admitted"
    candidate = attempt.candidate
    if candidate.claim.kind in NON_MATED and candidate.pace.gives_up[attempt.number - 1]:
        return "gave_up"
    return "desk" if attempt.number >= service.max_attempts else None


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    """Who is before the camera of a gate next. Ordered by time, then by gate."""

    at_s: float
    gate: tuple[str, str]
    number: int
    called_s: float
    candidate: Candidate = field(compare=False)


class _Gates:
    """The queues of all gates, and the next frame of each."""

    def __init__(self, morning: Morning) -> None:
        service = morning.config.service
        self._opens_s = {
            session.name: 3600 * session.starts_at_hour - 60 * service.opens_min
            for session in morning.config.sessions
        }
        self._waiting: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
        for candidate in reversed(morning.present):
            self._waiting[candidate.session, candidate.gate].append(candidate)
        self._turns: list[_Turn] = []
        for gate in self._waiting:
            self._call(gate, self._opens_s[gate[0]])

    def next_turn(self) -> _Turn | None:
        return heapq.heappop(self._turns) if self._turns else None

    def retry(self, turn: _Turn, decided_s: float) -> None:
        at_s = decided_s + turn.candidate.pace.retry_s[turn.number - 1]
        again = _Turn(at_s, turn.gate, turn.number + 1, turn.called_s, turn.candidate)
        heapq.heappush(self._turns, again)

    def free(self, turn: _Turn, decided_s: float) -> None:
        self._call(turn.gate, decided_s + turn.candidate.pace.leave_s)

    def _call(self, gate: tuple[str, str], free_s: float) -> None:
        if not self._waiting[gate]:
            return
        candidate = self._waiting[gate].pop()
        called_s = max(free_s, candidate.arrived_s)
        at_s = called_s + candidate.pace.walk_up_s
        heapq.heappush(self._turns, _Turn(at_s, gate, 1, called_s, candidate))
