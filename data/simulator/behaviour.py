"""How candidates stand before the camera, and what they change after it said no.

The changes are drawn for each attempt and stay: a mask that is off is off. They do not depend on
why the system said no, so every possible frame of a morning is known before its first decision, and
two models see the same frames (common random numbers: their difference is a paired one).
"""

from dataclasses import dataclass, replace

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.simulator.streams import Key, stream

Share = float


class BehaviourConfig(BaseModel):
    """What candidates wear and do at the first attempt, and how they react to a refusal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    glasses_share: Share = Field(default=0.3, ge=0, le=1)
    """Candidates with glasses on. On the campus only those who own some."""
    mask_share: Share = Field(default=0.05, ge=0, le=1)
    """With a surgical mask over mouth and nose."""
    scarf_share: Share = Field(default=0.05, ge=0, le=1)
    """With a winter scarf up to the lips or the nose."""
    cap_share: Share = Field(default=0.06, ge=0, le=1)
    """With a cap drawn down to the brows."""
    hand_share: Share = Field(default=0.03, ge=0, le=1)
    """With a hand, a phone or a cup before part of the face."""
    walking_share: Share = Field(default=0.3, ge=0, le=1)
    """Who does not stop for the camera."""
    walking_cm_s: float = Field(default=90.0, ge=0)
    """How fast those move across the frame; the rest sway by `standing_cm_s`."""
    standing_cm_s: float = Field(default=6.0, ge=0)
    """Median speed of a head that stands still."""
    distance_cm: tuple[float, float] = (75.0, 190.0)
    """Nearest and farthest stand at the first attempt; drawn uniformly."""
    yaw_sd_deg: float = Field(default=11.0, ge=0, le=40)
    """Turn of the head at the first attempt, the table of friends included."""
    pitch_sd_deg: float = Field(default=7.0, ge=0, le=25)
    """Nod of the head."""
    roll_sd_deg: float = Field(default=5.0, ge=0, le=25)
    """Tilt of the head."""
    uncovers_share: Share = Field(default=0.85, ge=0, le=1)
    """Who takes off mask, scarf, cap or hand at a retry, each on its own."""
    glasses_off_share: Share = Field(default=0.15, ge=0, le=1)
    """Who takes the glasses off."""
    steps_closer_share: Share = Field(default=0.7, ge=0, le=1)
    """Who comes as near as `close_cm`."""
    close_cm: tuple[float, float] = (70.0, 100.0)
    """Nearest and farthest stand of those."""
    stops_share: Share = Field(default=0.9, ge=0, le=1)
    """Who stands still now."""
    looks_straight_share: Share = Field(default=0.75, ge=0, le=1)
    """Who looks into the camera: all angles shrink to 0.4."""

    @model_validator(mode="after")
    def _check(self) -> "BehaviourConfig":
        for name in ("distance_cm", "close_cm"):
            low, high = getattr(self, name)
            if not 40 <= low <= high <= 400:
                raise ValueError(f"{name}: ({low}, {high}) must rise within 40..400 cm")
        return self


@dataclass(frozen=True, slots=True)
class Stance:
    """How somebody stands before the camera at one attempt."""

    glasses: bool
    mask: bool
    scarf: bool
    cap: bool
    hand: bool
    walking: bool
    looks_straight: bool
    distance_cm: float


_COVERS = ("mask", "scarf", "cap", "hand")


def stances(
    config: BehaviourConfig, seed: int, candidate: tuple[Key, ...], num: int
) -> list[Stance]:
    """The stances of one candidate at attempts 1..num; the first ones do not depend on `num`."""
    found = [_first(config, stream(seed, "stance", *candidate, 1))]
    for attempt in range(2, num + 1):
        found.append(_next(found[-1], config, stream(seed, "stance", *candidate, attempt)))
    return found


def _first(config: BehaviourConfig, rng: np.random.Generator) -> Stance:
    glasses, mask, scarf, cap, hand, walking = rng.random(6)
    masked = bool(mask < config.mask_share)
    return Stance(
        glasses=bool(glasses < config.glasses_share),
        mask=masked,
        scarf=bool(scarf < config.scarf_share) and not masked,
        cap=bool(cap < config.cap_share),
        hand=bool(hand < config.hand_share),
        walking=bool(walking < config.walking_share),
        looks_straight=False,
        distance_cm=float(rng.uniform(*config.distance_cm)),
    )


def _next(before: Stance, config: BehaviourConfig, rng: np.random.Generator) -> Stance:
    uncovers = dict(zip(_COVERS, rng.random(len(_COVERS)) < config.uncovers_share, strict=True))
    glasses_off, closer, stops, straight = rng.random(4)
    close_cm = float(rng.uniform(*config.close_cm))
    kept = {name: getattr(before, name) and not uncovers[name] for name in _COVERS}
    return replace(
        before,
        **kept,
        glasses=before.glasses and bool(glasses_off >= config.glasses_off_share),
        walking=before.walking and bool(stops >= config.stops_share),
        looks_straight=before.looks_straight or bool(straight < config.looks_straight_share),
        distance_cm=min(before.distance_cm, close_cm)
        if closer < config.steps_closer_share
        else before.distance_cm,
    )
