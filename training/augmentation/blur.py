"""Blur a part of a batch of crops, each by a kernel of its own, in one grouped convolution."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_LEAST_SIGMA_PX: Final = 0.3
_PATH_OF_SIGMA: Final = 3.5
"""A path of this many sigmas spreads light about as far as the Gaussian does."""


def blur(crops: Tensor, picked: Tensor, chance: Tensor, largest_px: float) -> None:
    """Blur crops (n, 3, height, width) of rows `picked` (k,): half by a lens, half along a path.

    In place. `chance` (n, 3) holds numbers in [0, 1): which of the two, how much, and the
    direction. `largest_px` is the largest sigma of the Gaussian.
    """
    if len(picked) == 0 or largest_px == 0:
        return
    kernels = _kernels(chance[picked], largest_px)
    # The crops of the part as channels of one picture: each channel has its own kernel.
    count, channels, height, width = len(picked), *crops.shape[1:]
    flat = crops[picked].reshape(1, count * channels, height, width)
    reach = kernels.shape[-1] // 2
    padded = functional.pad(flat, (reach, reach, reach, reach), mode="replicate")
    weight = kernels.repeat_interleave(channels, 0)[:, None].to(crops.dtype)
    changed = functional.conv2d(padded, weight, groups=count * channels)
    crops.index_copy_(0, picked, changed.reshape(count, channels, height, width))


def _kernels(chance: Tensor, largest_px: float) -> Tensor:
    """Kernels (n, size, size) that sum to 1."""
    sigma = _LEAST_SIGMA_PX + chance[:, 1, None, None] * max(0.0, largest_px - _LEAST_SIGMA_PX)
    angle = math.pi * chance[:, 2, None, None]
    reach = math.ceil(_PATH_OF_SIGMA * max(largest_px, _LEAST_SIGMA_PX) / 2) + 1
    place = torch.arange(-reach, reach + 1, device=chance.device, dtype=chance.dtype)
    x, y = place[None, None, :], place[None, :, None]
    along = x * torch.cos(angle) + y * torch.sin(angle)
    across = y * torch.cos(angle) - x * torch.sin(angle)
    path = (_PATH_OF_SIGMA * sigma / 2 + 0.5 - along.abs()).clamp(0, 1) * (1 - across.abs()).clamp(
        0, 1
    )
    lens = torch.exp(-(x * x + y * y) / (2 * sigma * sigma))
    kernels = torch.where(chance[:, 0, None, None] < 0.5, lens, path)
    return kernels / kernels.sum((1, 2), keepdim=True)
