"""A population of names, so that who comes when can be tested without rendering anybody."""

import numpy as np
import pytest

from data.simulator import SimulatorConfig
from data.simulator.conditions import Conditions
from data.simulator.config import GateConfig, SessionConfig
from data.simulator.world import LookAlike

_NUM = 400


class NamedWorld:
    """`World` of people who are numbers. Neighbours look alike, but for those divisible by 7."""

    fingerprint = "names"

    def enrolled(self, rng: np.random.Generator) -> str:
        return str(rng.integers(_NUM))

    def stranger(self, subject_id: str, rng: np.random.Generator) -> str:
        return str((int(subject_id) + 1 + int(rng.integers(_NUM - 1))) % _NUM)

    def look_alike(self, subject_id: str, rng: np.random.Generator) -> LookAlike | None:
        step = int(rng.choice([-1, 1]))
        alike = LookAlike(str((int(subject_id) + step) % _NUM), "sibling")
        return alike if int(subject_id) % 7 else None

    def reference(self, subject_id: str) -> bytes:
        return f"reference {subject_id}".encode()

    def probe(self, subject_id: str, conditions: Conditions) -> bytes:
        return f"probe {subject_id} {conditions}".encode()


@pytest.fixture(scope="session")
def names() -> NamedWorld:
    return NamedWorld()


@pytest.fixture(scope="session")
def two_gates() -> SimulatorConfig:
    """One session with two gates of 60 lines each; one false claim in five."""
    gates = tuple(GateConfig(name=name, num_candidates=60) for name in ("east", "west"))
    values = {
        "sessions": (SessionConfig(name="aula", starts_at_hour=9.0, gates=gates),),
        "claims": {"impostor_share": 0.1, "look_alike_share": 0.1},
    }
    return SimulatorConfig.model_validate(values)
