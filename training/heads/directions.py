"""Raw embeddings to unit vectors."""

from typing import Final

from torch import Tensor
from torch.nn import functional

_LEAST_NORM: Final = 1e-2
"""Norms are near sqrt(dim). What is shorter has no direction to speak of; below this it counts for
less, and its gradient stays within what float16 holds."""


def directions(embeddings: Tensor) -> Tensor:
    """Embeddings (n, dim) divided by their norms; finite for any finite ones, zero included.

    They are first divided by their greatest component, where that is above 1: squares of float32
    overflow beyond 1e19. This changes neither value nor gradient, since only the direction counts.
    """
    greatest = embeddings.detach().abs().amax(1, keepdim=True).clamp(min=1)
    return functional.normalize(embeddings / greatest, eps=_LEAST_NORM)
