"""Random changes to a batch of crops, on whatever device the batch is."""

from typing import Annotated, Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional

from data.face import CROP_SIZE_PX
from training import cover
from training.blur import blurred
from training.draws import uniform

Share = Annotated[float, Field(ge=0, le=1)]
_NUM_DRAWS: Final = 19 + cover.NUM_DRAWS


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


def augment(
    crops: Tensor, rows: NDArray[np.int64], seed: int, epoch: int, config: AugmentConfig
) -> Tensor:
    """Change crops (n, 3, 112, 112) in [-1, 1]; what moves in from outside is black.

    What happens to a crop depends on seed, epoch and its row in the data set, on nothing else.
    """
    draws = uniform(seed, epoch, rows, _NUM_DRAWS).astype(np.float32)
    chance = torch.from_numpy(draws).to(crops.device)
    crops = _moved(crops, chance[:, 0:5], config)
    crops = _lit(crops, chance[:, 5:9], config)
    crops = _low_resolution(crops, chance[:, 9], config.low_resolution_share)
    crops = blurred(crops, chance[:, 15:19], config.blur_share, config.blur_px)
    crops = cover.covered(crops, chance[:, 19:], config.cover_share, config.cover_side)
    return _erased(crops, chance[:, 10:15], config)


def _signed(chance: Tensor, largest: float) -> Tensor:
    return (chance * 2 - 1) * largest


def _moved(crops: Tensor, chance: Tensor, config: AugmentConfig) -> Tensor:
    """Flip, turn, zoom and shift in one sampling."""
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
    return functional.grid_sample(crops + 1, grid, align_corners=False) - 1


def _lit(crops: Tensor, chance: Tensor, config: AugmentConfig) -> Tensor:
    """Change contrast, colour and brightness, as an exposure would: clipped at black and white."""
    if config.brightness == config.contrast == config.colour == 0:
        return crops
    gain = 1 + _signed(chance[:, 0:1], config.contrast)
    red, blue = (1 + _signed(chance[:, k : k + 1], config.colour) for k in (2, 3))
    gains = torch.cat([gain * red, gain, gain * blue], 1)[:, :, None, None]
    offset = _signed(chance[:, 1], config.brightness)[:, None, None, None]
    # Colour gains act on light, which is 0 at -1.
    return (((crops + 1) * gains - gain[:, :, None, None]) + offset).clamp(-1, 1)


def _low_resolution(crops: Tensor, chance: Tensor, share: float) -> Tensor:
    changed = crops
    # A half, then a quarter: each gets its own half of the share.
    for step, lower in ((2, 0.0), (4, share / 2)):
        picked = torch.nonzero((chance >= lower) & (chance < lower + share / 2))[:, 0]
        if len(picked):
            small = functional.avg_pool2d(crops[picked], step)
            large = functional.interpolate(
                small, size=(CROP_SIZE_PX, CROP_SIZE_PX), mode="bilinear", align_corners=False
            )
            changed = changed.index_copy(0, picked, large)
    return changed


def _erased(crops: Tensor, chance: Tensor, config: AugmentConfig) -> Tensor:
    if config.erase_share == 0:
        return crops
    place = torch.arange(CROP_SIZE_PX, device=crops.device) / CROP_SIZE_PX
    sides = (0.1 + 0.9 * chance[:, 1:3]) * config.erase_side
    starts = chance[:, 3:5] * (1 - sides)
    hit = (place >= starts[:, :, None]) & (place < (starts + sides)[:, :, None])
    hit &= (chance[:, 0] < config.erase_share)[:, None, None]
    rectangle = hit[:, 0, :, None] & hit[:, 1, None, :]
    return crops.masked_fill(rectangle[:, None], 0.0)
