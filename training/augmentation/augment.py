"""Random changes to a batch of crops, on whatever device the batch is."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from data.face import CROP_SIZE_PX
from training.augmentation.blur import blur
from training.augmentation.cover import NUM_DRAWS as NUM_COVER_DRAWS
from training.augmentation.cover import cover
from training.augmentation.low_resolution import lower_resolution
from training.draws import uniform
from training.loading.arrays import Rows

Share = Annotated[float, Field(ge=0, le=1)]
_NUM_DRAWS: Final = 20 + NUM_COVER_DRAWS


class AugmentConfig(BaseModel):
    """How much a crop may change; a zero turns a change off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip_share: Share = 0.5
    """Crops that are mirrored."""
    shift_px: float = Field(default=0.0, ge=0, le=28)
    """Largest shift along each axis; draws are uniform, here and below."""
    rotation_deg: float = Field(default=0.0, ge=0, le=45)
    """Largest turn to either side."""
    zoom: float = Field(default=0.0, ge=0, le=0.5)
    """Largest relative change of size."""
    brightness: float = Field(default=0.0, ge=0, le=1)
    """Largest change of brightness, on the scale from -1 to 1."""
    contrast: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of contrast."""
    colour: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative gain of the red and of the blue channel."""
    low_resolution_share: Share = 0.0
    """Crops that are shrunk to a half or a quarter and blown up again."""
    erase_share: Share = 0.0
    """Crops of which a random rectangle turns grey."""
    erase_side: Share = 0.5
    """Largest side of that rectangle, as a share of the crop's."""
    blur_share: Share = 0.0
    """Crops that are blurred, half of them as by a lens, half as by motion."""
    blur_px: float = Field(default=2.0, ge=0, le=8)
    """Largest sigma of that blur; a path of motion is 3.5 times as long."""
    cover_share: Share = 0.0
    """Crops of which an ellipse of any colour and relief covers a part, as a hand or hair does."""
    cover_side: Share = 0.5
    """Longest axis of that ellipse, as a share of the crop's side."""


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance has decided for a batch of n crops. Made on the host, used on the device.

    Rows that only a part of the batch is sent through are named on the host too: to find them on
    the device would stop it until it has told the host how many there are.
    """

    chance: Tensor
    """(n, 37) float32 in [0, 1)."""
    halved: Tensor
    """(k,) int64, and so the others: rows that lose half of their resolution."""
    quartered: Tensor
    """Rows that keep a quarter of it."""
    blurred: Tensor
    covered: Tensor

    def moved(self, move: Callable[[Tensor], Tensor]) -> "Draws":
        """The same draws, each tensor moved to a device."""
        return Draws(*(move(getattr(self, field.name)) for field in fields(self)))


def draw(config: AugmentConfig, seed: int, epoch: int, keys: Rows) -> Draws:
    """Draw for crops with `keys` (n,), on the CPU.

    What happens to a crop depends on seed, epoch and its key, on nothing else.
    """
    chance = uniform(seed, epoch, keys, _NUM_DRAWS).astype(np.float32)
    # A half, then a quarter: each gets its own half of the share.
    half = config.low_resolution_share / 2
    lower, upper = chance[:, 9] < half, chance[:, 9] < 2 * half
    return Draws(
        torch.from_numpy(chance),
        halved=_rows_where(lower),
        quartered=_rows_where(upper & ~lower),
        blurred=_rows_where(chance[:, 15] < config.blur_share),
        covered=_rows_where(chance[:, 19] < config.cover_share),
    )


def augmented(crops: Tensor, draws: Draws, config: AugmentConfig) -> Tensor:
    """Change crops (n, 3, 112, 112) in [-1, 1] as drawn; what moves in from outside is black.

    Returns a new tensor. Draws are of the same config, and on the same device.
    """
    chance = draws.chance
    changed = _moved(crops, chance[:, 0:5], config)
    _light(changed, chance[:, 5:9], config)
    lower_resolution(changed, draws.halved, 2)
    lower_resolution(changed, draws.quartered, 4)
    blur(changed, draws.blurred, chance[:, 16:19], config.blur_px)
    cover(changed, draws.covered, chance[:, 20:], config.cover_side)
    _erase(changed, chance[:, 10:15], config)
    return changed


def _rows_where(is_picked: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(np.flatnonzero(is_picked))


def _signed(chance: Tensor, largest: float) -> Tensor:
    return (chance * 2 - 1) * largest


def _moved(crops: Tensor, chance: Tensor, config: AugmentConfig) -> Tensor:
    """Flip, turn, zoom and shift in one sampling, into a new tensor."""
    flips = chance[:, 0] < config.flip_share
    if config.shift_px == config.rotation_deg == config.zoom == 0:
        return torch.where(flips[:, None, None, None], crops.flip(3), crops)
    angle = torch.deg2rad(_signed(chance[:, 1], config.rotation_deg))
    size = 1 + _signed(chance[:, 2], config.zoom)
    mirror = torch.where(flips, -1.0, 1.0)
    cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
    # A shift of the sampling grid: its width 2 spans the crop.
    shift_x, shift_y = _signed(chance[:, 3:5], 2 * config.shift_px / CROP_SIZE_PX).unbind(1)
    across = torch.stack([mirror * cosine, -sine, shift_x], 1)
    down = torch.stack([mirror * sine, cosine, shift_y], 1)
    grid = functional.affine_grid(
        torch.stack([across, down], 1), list(crops.shape), align_corners=False
    )
    # Sampling pads with 0: lifted by 1, black is 0.
    return functional.grid_sample(crops + 1, grid, align_corners=False).sub_(1)


def _light(crops: Tensor, chance: Tensor, config: AugmentConfig) -> None:
    """Change contrast, colour and brightness, as an exposure would: clipped at black and white."""
    if config.brightness == config.contrast == config.colour == 0:
        return
    gain = 1 + _signed(chance[:, 0:1], config.contrast)
    red, blue = (1 + _signed(chance[:, k : k + 1], config.colour) for k in (2, 3))
    gains = torch.cat([gain * red, gain, gain * blue], 1)[:, :, None, None]
    offset = _signed(chance[:, 1], config.brightness)[:, None, None, None]
    # Colour gains act on light, which is 0 at -1.
    crops.add_(1).mul_(gains).sub_(gain[:, :, None, None]).add_(offset).clamp_(-1, 1)


def _erase(crops: Tensor, chance: Tensor, config: AugmentConfig) -> None:
    if config.erase_share == 0:
        return
    place = torch.arange(CROP_SIZE_PX, device=crops.device) / CROP_SIZE_PX
    sides = (0.1 + 0.9 * chance[:, 1:3]) * config.erase_side
    starts = chance[:, 3:5] * (1 - sides)
    hit = (place >= starts[:, :, None]) & (place < (starts + sides)[:, :, None])
    hit &= (chance[:, 0] < config.erase_share)[:, None, None]
    rectangle = hit[:, 0, :, None] & hit[:, 1, None, :]
    crops.masked_fill_(rectangle[:, None], 0.0)
