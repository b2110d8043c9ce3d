"""A batch as a picture: crops as they lie in the data set, and as the network sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.face import CROP_SIZE_PX, PIXEL_MEAN, PIXEL_SCALE
from data.files import whole_file
from training.augmentation.augment import AugmentConfig, augmented, draw
from training.augmentation.pixels import to_network_input
from training.loading.arrays import CropsU8
from training.loading.order import SampleOrder
from training.loading.training_data import TrainingData

SheetU8 = NDArray[np.uint8]  # (height, width, 3), RGB

_COLUMNS: Final = 8
_GAP_PX: Final = 4
_CAPTION_PX: Final = 16
_PAPER: Final = 255


@dataclass(frozen=True, slots=True)
class Examples:
    """The same crops twice, in the same order."""

    untouched_rgb_u8: CropsU8
    """(n, 112, 112, 3), as stored."""
    seen: Tensor
    """(n, 3, 112, 112) in [-1, 1]: what the network is given."""
    captions: Sequence[str]
    """(n,), such as the class of each."""


def first_examples(
    data: TrainingData, order: SampleOrder, augmentation: AugmentConfig, number: int
) -> Examples:
    """The first crops of the first epoch, changed as the loader and the loop change them."""
    rows, keys = order.at(0, np.arange(min(number, len(order)), dtype=np.int64))
    untouched = data.crops.read(rows)
    draws = draw(augmentation, order.seed, 0, keys)
    seen = augmented(to_network_input(torch.from_numpy(untouched)), draws, augmentation)
    captions = [f"class {label}" for label in data.labels[rows].tolist()]
    return Examples(untouched, seen, captions)


def contact_sheet(examples: Examples) -> SheetU8:
    """Lay crops out in bands of eight: untouched above, seen below, the caption under both.

    Equal examples make an equal picture.
    """
    seen_rgb_u8 = pixels_of(examples.seen)
    pairs = list(zip(examples.untouched_rgb_u8, seen_rgb_u8, examples.captions, strict=True))
    if not pairs:
        raise ValueError("no crops to show")
    columns = min(_COLUMNS, len(pairs))
    bands = [_band(pairs[at : at + columns], columns) for at in range(0, len(pairs), columns)]
    return np.concatenate(bands)


def pixels_of(seen: Tensor) -> CropsU8:
    """Turn network input (n, 3, 112, 112) in [-1, 1] back into (n, 112, 112, 3) uint8."""
    scaled = seen.detach().float().cpu() * PIXEL_SCALE + PIXEL_MEAN
    pixels: CropsU8 = scaled.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return pixels


def write_sheet(path: Path, sheet_rgb_u8: SheetU8) -> None:
    """Write a sheet as PNG, whole or not at all; equal sheets make equal bytes."""
    _, content = cv2.imencode(".png", cv2.cvtColor(sheet_rgb_u8, cv2.COLOR_RGB2BGR))
    with whole_file(path) as partial:
        partial.write_bytes(content.tobytes())


def _band(pairs: Sequence[tuple[CropsU8, CropsU8, str]], columns: int) -> SheetU8:
    blank = np.full((_cell_height_px(), CROP_SIZE_PX + _GAP_PX, 3), _PAPER, np.uint8)
    cells = [_cell(*pair) for pair in pairs]
    return np.concatenate(cells + [blank] * (columns - len(cells)), axis=1)


def _cell(untouched: CropsU8, seen: CropsU8, caption: str) -> SheetU8:
    cell = np.full((_cell_height_px(), CROP_SIZE_PX + _GAP_PX, 3), _PAPER, np.uint8)
    cell[:CROP_SIZE_PX, :CROP_SIZE_PX] = untouched
    cell[CROP_SIZE_PX : 2 * CROP_SIZE_PX, :CROP_SIZE_PX] = seen
    base = (2, 2 * CROP_SIZE_PX + _CAPTION_PX - 4)
    cv2.putText(cell, caption, base, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    return cell


def _cell_height_px() -> int:
    return 2 * CROP_SIZE_PX + _CAPTION_PX + _GAP_PX
