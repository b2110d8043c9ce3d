"""Who comes to the door with whose ID."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.simulator.world import World

ClaimKind = Literal["genuine", "impostor", "look_alike", "mix_up", "absent"]
CLAIM_KINDS: Final = get_args(ClaimKind)
NON_MATED: Final = ("impostor", "look_alike", "mix_up")
"""Kinds whose face and ID are two people's; to admit one is a false accept."""

Share = float


class ClaimConfig(BaseModel):
    """How often the person at the door is not the one on the ID."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    absent_share: Share = Field(default=0.06, ge=0, le=1)
    """Lines of the roll for which nobody comes."""
    impostor_share: Share = Field(default=0.01, ge=0, le=1)
    """Lines for which a stranger comes: the paid impostor who was not chosen for the face."""
    look_alike_share: Share = Field(default=0.01, ge=0, le=1)
    """Lines for which a look-alike comes: a sibling, or a stranger chosen for the face."""
    mix_up_share: Share = Field(default=0.005, ge=0, le=1)
    """Lines for which a friend holds the wrong card by mistake."""

    @model_validator(mode="after")
    def _check(self) -> "ClaimConfig":
        total = self.absent_share + self.impostor_share + self.look_alike_share + self.mix_up_share
        if total > 1:
            raise ValueError(f"the shares of claims add up to {total:g}; keep them within 1")
        return self


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the roll and what comes of it."""

    kind: ClaimKind
    claimed_subject_id: str
    """Whose ID is shown."""
    presented_subject_id: str | None
    """Whose face is shown; None where nobody comes."""
    relation: str | None
    """Why a look-alike is one; see `data.simulator.world.LookAlike`."""


def draw_kind(config: ClaimConfig, rng: np.random.Generator) -> ClaimKind:
    """Draw what comes of one line of the roll."""
    shares = (config.impostor_share, config.look_alike_share, config.mix_up_share)
    kinds: tuple[ClaimKind, ...] = ("impostor", "look_alike", "mix_up", "absent", "genuine")
    edges = np.cumsum([*shares, config.absent_share])
    return kinds[int(np.searchsorted(edges, rng.random(), "right"))]


def draw_claim(
    config: ClaimConfig, world: World, rng: np.random.Generator, friend: str | None
) -> Claim:
    """Draw one line of the roll.

    `friend` is whose line is before it; mixed-up cards come from there. Where the world knows no
    look-alike of somebody, a stranger comes instead, and the claim says so.
    """
    kind, claimed = draw_kind(config, rng), world.enrolled(rng)
    if kind == "absent":
        return Claim(kind, claimed, None, None)
    if kind == "genuine":
        return Claim(kind, claimed, claimed, None)
    if kind == "mix_up" and friend not in (None, claimed):
        return Claim(kind, claimed, friend, None)
    if kind == "look_alike":
        found = world.look_alike(claimed, rng)
        if found is not None:
            return Claim(kind, claimed, found.subject_id, found.relation)
    stranger = world.stranger(claimed, rng)
    return Claim("mix_up" if kind == "mix_up" else "impostor", claimed, stranger, None)
