"""Cover a part of a batch of crops with something that has no identity: a hand, hair, a phone."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

NUM_DRAWS: Final = 17
"""Middle x and y, both half axes, angle, three colours, and 3 x 3 of relief."""
_EDGE: Final = 0.02
"""Width of the soft edge, as a share of the crop's side."""
_RELIEF: Final = 0.35


def cover(crops: Tensor, picked: Tensor, chance: Tensor, largest_side: float) -> None:
    """Lay a turned, softly edged ellipse over crops (n, 3, height, width) of rows `picked` (k,).

    In place; crops are in [-1, 1]. `chance` (n, 17) holds numbers in [0, 1); `largest_side` is the
    longest axis as a share of the crop's side. Colour and relief are drawn, so the network cannot
    learn the look of a cover.
    """
    if len(picked) == 0 or largest_side == 0:
        return
    part, drawn = crops[picked], chance[picked]
    colour = (drawn[:, 5:8] * 2 - 1)[:, :, None, None]
    relief = functional.interpolate(
        (drawn[:, 8:17].reshape(-1, 1, 3, 3) * 2 - 1) * _RELIEF,
        size=part.shape[2:],
        mode="bilinear",
        align_corners=True,
    )
    shape = _ellipses(drawn, largest_side, (part.shape[2], part.shape[3]))[:, None]
    painted = part + shape * ((colour + relief).clamp(-1, 1) - part)
    crops.index_copy_(0, picked, painted)


def _ellipses(drawn: Tensor, largest_side: float, shape_hw: tuple[int, int]) -> Tensor:
    """Cover (n, height, width), 1 inside and 0 outside."""
    height, width = shape_hw
    y = ((torch.arange(height, device=drawn.device) + 0.5) / height)[None, :, None]
    x = ((torch.arange(width, device=drawn.device) + 0.5) / width)[None, None, :]
    x, y = x - drawn[:, 0, None, None], y - drawn[:, 1, None, None]
    angle = math.pi * drawn[:, 4, None, None]
    axes = (0.15 + 0.85 * drawn[:, 2:4, None, None]) * largest_side / 2
    along = (x * torch.cos(angle) + y * torch.sin(angle)) / axes[:, 0]
    across = (y * torch.cos(angle) - x * torch.sin(angle)) / axes[:, 1]
    radius = torch.sqrt(along * along + across * across)
    outside = (radius - 1) * torch.minimum(axes[:, 0], axes[:, 1])
    return (0.5 - outside / _EDGE).clamp(0, 1)
