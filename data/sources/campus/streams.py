"""Random streams. Each thing has its own, so that nothing depends on how much else is drawn.

Spawn keys, not longer entropy lists: numpy pads short entropy with zeros, so [seed, subject] and
[seed, subject, 0] would be one and the same stream.
"""

from typing import Final

import numpy as np

_FAMILY: Final = 1
_SUBJECT: Final = 2
_PHOTO: Final = 3


def family_stream(seed: int, family: int) -> np.random.Generator:
    """What siblings have in common."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_FAMILY, family)))


def subject_stream(seed: int, subject: int) -> np.random.Generator:
    """What stays the same in all photographs of one student."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SUBJECT, subject)))


def photo_stream(seed: int, subject: int, photo: int) -> np.random.Generator:
    """What is particular to one photograph."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PHOTO, subject, photo)))
