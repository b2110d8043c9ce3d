"""How long things take at a gate, and how often one may try."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Seconds = float


class ServiceConfig(BaseModel):
    """The pace of a gate. Every time spreads by a lognormal factor of `spread`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens_min: float = Field(default=45.0, ge=0)
    """Minutes before the start at which the gate opens; who comes earlier waits."""
    walk_up_s: Seconds = Field(default=8.0, gt=0)
    """Median from the call to the first frame: step up, show the ID."""
    decision_s: Seconds = Field(default=0.5, ge=0)
    """From the frame to the light; nominal, so that a slow machine changes no simulated time."""
    retry_s: Seconds = Field(default=7.0, gt=0)
    """Median from a refusal to the next frame: read the advice and follow it."""
    leave_s: Seconds = Field(default=3.0, ge=0)
    """Median from the decision until the gate is free."""
    spread: float = Field(default=0.35, ge=0, le=1)
    """Standard deviation of the logarithm of these times."""
    max_attempts: int = Field(default=3, ge=1, le=10)
    """Frames of one candidate; then the proctor's desk decides."""
    gives_up_share: float = Field(default=0.3, ge=0, le=1)
    """Impostors and mixed-up friends who walk away at each refusal, rather than try again."""
    desks: int = Field(default=1, ge=1)
    """Proctors' desks of a session, with one queue."""
    desk_s: Seconds = Field(default=75.0, gt=0)
    """Median of a check by a proctor."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of one candidate, drawn beforehand."""

    walk_up_s: Seconds
    retry_s: tuple[Seconds, ...]
    """Before attempt 2, 3, …"""
    leave_s: Seconds
    desk_s: Seconds
    gives_up: tuple[bool, ...]
    """After attempt 1, 2, …, where the claim is false."""


def draw_pace(config: ServiceConfig, rng: np.random.Generator) -> Pace:
    """The times of one candidate."""
    factors = np.exp(config.spread * rng.standard_normal(3 + config.max_attempts))
    gives_up = rng.random(config.max_attempts) < config.gives_up_share
    return Pace(
        walk_up_s=float(config.walk_up_s * factors[0]),
        leave_s=float(config.leave_s * factors[1]),
        desk_s=float(config.desk_s * factors[2]),
        retry_s=tuple(float(config.retry_s * factor) for factor in factors[3:-1]),
        gives_up=tuple(bool(flag) for flag in gives_up),
    )
