"""Cover a part of a batch of crops with something that has no identity: a hand, hair, a phone."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

NUM_DRAWS: Final = 18
"""Whether, middle x and y, both half axes, angle, three colours, and 3 x 3 of relief."""
_EDGE: Final = 0.02
"""Width of the soft edge, as a share of the crop's side."""
_RELIEF: Final = 0.35


def covered(crops: Tensor, chance: Tensor, share: float, largest_side: float) -> Tensor:
    """Lay a turned, softly edged ellipse over a share of crops (n, 3, height, width) in [-1, 1].

    `chance` (n, 18) holds numbers in [0, 1); `largest_side` is the longest axis as a share of the
    crop's side. Colour and relief are drawn, so the network cannot learn the look of a cover.
    """
    picked = torch.nonzero(chance[:, 0] < share)[:, 0]
    if len(picked) == 0 or largest_side == 0:
        return crops
    part, drawn = crops[picked], chance[picked]
    colour = (drawn[:, 6:9] * 2 - 1)[:, :, None, None]
    relief = functional.interpolate(
        (drawn[:, 9:18].reshape(-1, 1, 3, 3) * 2 - 1) * _RELIEF,
        size=part.shape[2:],
        mode="bilinear",
        align_corners=True,
    )
    cover = _ellipses(drawn, largest_side, (part.shape[2], part.shape[3]))[:, None]
    painted = part + cover * ((colour + relief).clamp(-1, 1) - part)
    return crops.index_copy(0, picked, painted)


def _ellipses(drawn: Tensor, largest_side: float, shape_hw: tuple[int, int]) -> Tensor:
    """Cover (n, height, width), 1 inside and 0 outside."""
    height, width = shape_hw
    y = ((torch.arange(height, device=drawn.device) + 0.5) / height)[None, :, None]
    x = ((torch.arange(width, device=drawn.device) + 0.5) / width)[None, None, :]
    x, y = x - drawn[:, 1, None, None], y - drawn[:, 2, None, None]
    angle = math.pi * drawn[:, 5, None, None]
    axes = (0.15 + 0.85 * drawn[:, 3:5, None, None]) * largest_side / 2
    along = (x * torch.cos(angle) + y * torch.sin(angle)) / axes[:, 0]
    across = (y * torch.cos(angle) - x * torch.sin(angle)) / axes[:, 1]
    radius = torch.sqrt(along * along + across * across)
    outside = (radius - 1) * torch.minimum(axes[:, 0], axes[:, 1])
    return (0.5 - outside / _EDGE).clamp(0, 1)
