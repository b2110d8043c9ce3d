"""What the simulator needs of a population: who they are, and what a camera sees of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from data.simulator.conditions import Conditions


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Somebody who looks like somebody else, and why we think so."""

    subject_id: str
    relation: str
    """`sibling`, `attributes:<which are the same>` or `mined:<list>`."""


class World(Protocol):
    """A population with an ID photo of everybody. All of it follows from its own config.

    A world travels to worker processes, so it holds settings and tables and no open thing.
    """

    @property
    def fingerprint(self) -> str:
        """Hex digest of all that its photos depend on, the code that makes them included."""
        ...

    def enrolled(self, rng: np.random.Generator) -> str:
        """Draw the subject of one line of the roll. Somebody may sit two exams in a morning."""
        ...

    def stranger(self, subject_id: str, rng: np.random.Generator) -> str:
        """Draw anybody else."""
        ...

    def look_alike(self, subject_id: str, rng: np.random.Generator) -> LookAlike | None:
        """Draw a person who looks like this one; None where nobody is known to."""
        ...

    def reference(self, subject_id: str) -> bytes:
        """The photo on file, as the bytes of a picture."""
        ...

    def probe(self, subject_id: str, conditions: Conditions) -> bytes:
        """A frame of the gate camera, as JPEG bytes."""
        ...
