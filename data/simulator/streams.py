"""Random streams by name: each thing has its own, so nothing depends on how much else is drawn.

A candidate is known by session, gate and number, not by a running count: another gate, or another
candidate behind the last, leaves every draw of the others where it was.
"""

import hashlib
import json

import numpy as np

Key = str | int


def stream_seed(seed: int, *keys: Key) -> int:
    """A number of 64 bits out of a seed and the name of what is drawn (SHA-256 of both)."""
    name = json.dumps([seed, *keys]).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big")


def stream(seed: int, *keys: Key) -> np.random.Generator:
    """The random stream of one thing, such as `stream(seed, "bus", 41)`."""
    return np.random.default_rng(stream_seed(seed, *keys))
