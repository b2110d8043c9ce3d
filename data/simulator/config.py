"""One exam morning as a config: the halls' doors, and everything that happens at them."""

from collections import Counter
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import SourceError
from data.simulator.arrivals import ArrivalConfig
from data.simulator.behaviour import BehaviourConfig
from data.simulator.camera import CameraConfig
from data.simulator.claims import ClaimConfig
from data.simulator.day import DayConfig
from data.simulator.service import ServiceConfig


class SimulatorConfigError(SourceError):
    """The morning asked for cannot be; the message names each wrong field."""


class GateConfig(BaseModel):
    """One door of a hall, with one camera."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Unique within its session."""
    num_candidates: int = Field(ge=0)
    """Lines on its roll, those who stay away included."""
    front_daylight: float = Field(default=0.006, ge=0, le=1)
    """Share of the light outside that reaches the face (daylight factor)."""
    back_daylight: float = Field(default=0.02, ge=0, le=1)
    """The same for what the camera sees behind the face: 0.3 is an open door to the sky."""
    door_azimuth_deg: float = Field(default=60.0, ge=-120, le=120)
    """Where daylight falls on the face from: 0 the camera's side, 90 the picture's right."""


class SessionConfig(BaseModel):
    """One exam in one hall."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Unique within the morning; the hall is part of it."""
    starts_at_hour: float = Field(ge=0, lt=24)
    """Clock time at which the exam begins: 9.5 is half past nine."""
    gates: tuple[GateConfig, ...] = Field(min_length=1)
    """Its doors."""

    @model_validator(mode="after")
    def _check(self) -> "SessionConfig":
        _refuse_twins("gates", [gate.name for gate in self.gates])
        return self


def default_sessions() -> tuple[SessionConfig, ...]:
    """Two exams with two doors each, 300 lines on the rolls; one door looks into the sky."""
    east = GateConfig(name="east", num_candidates=80, back_daylight=0.25, door_azimuth_deg=-75)
    west = GateConfig(name="west", num_candidates=80)
    hall = GateConfig(name="hall", num_candidates=70, front_daylight=0.0, back_daylight=0.0)
    yard = GateConfig(name="yard", num_candidates=70, front_daylight=0.03, back_daylight=0.05)
    return (
        SessionConfig(name="aula_0900", starts_at_hour=9.0, gates=(east, west)),
        SessionConfig(name="gym_1030", starts_at_hour=10.5, gates=(hall, yard)),
    )


class SimulatorConfig(BaseModel):
    """A whole morning. The same config and the same world give the same morning, byte by byte."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Everything follows from it."""
    sessions: tuple[SessionConfig, ...] = Field(default_factory=default_sessions, min_length=1)
    """The exams of the morning."""
    arrivals: ArrivalConfig = Field(default_factory=ArrivalConfig)
    """When candidates come."""
    claims: ClaimConfig = Field(default_factory=ClaimConfig)
    """Who comes with whose ID."""
    behaviour: BehaviourConfig = Field(default_factory=BehaviourConfig)
    """How they stand before the camera."""
    camera: CameraConfig = Field(default_factory=CameraConfig)
    """What the camera makes of it."""
    day: DayConfig = Field(default_factory=DayConfig)
    """The light outside."""
    service: ServiceConfig = Field(default_factory=ServiceConfig)
    """How long it takes, and how often one may try."""

    @property
    def num_candidates(self) -> int:
        """Lines on all rolls."""
        return sum(gate.num_candidates for session in self.sessions for gate in session.gates)

    @model_validator(mode="after")
    def _check(self) -> "SimulatorConfig":
        _refuse_twins("sessions", [session.name for session in self.sessions])
        return self

    def with_candidates(self, num: int) -> "SimulatorConfig":
        """The same morning with `num` lines in all, spread evenly over the gates."""
        num_gates = sum(len(session.gates) for session in self.sessions)
        shares = iter(num // num_gates + (k < num % num_gates) for k in range(num_gates))
        sessions = tuple(
            session.model_copy(
                update={
                    "gates": tuple(
                        gate.model_copy(update={"num_candidates": next(shares)})
                        for gate in session.gates
                    )
                }
            )
            for session in self.sessions
        )
        return self.model_copy(update={"sessions": sessions})


def read_simulator_config(path: Path) -> SimulatorConfig:
    """Read a YAML file; raises `SimulatorConfigError` that names file and fields."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return SimulatorConfig.model_validate(values or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SimulatorConfigError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()
        )
        raise SimulatorConfigError(f"{path}: {wrong}") from error


def _refuse_twins(what: str, names: list[str]) -> None:
    twins = sorted(name for name, count in Counter(names).items() if count > 1)
    if twins:
        raise ValueError(f"{what}: {', '.join(twins)} occurs twice; names must be unique")
