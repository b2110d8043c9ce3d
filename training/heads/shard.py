"""How the matrix of class centres is cut over processes, and what it holds at first."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from data.split_mix import mix
from training.world import World

_BLOCK_ROWS: Final = 4096
_DEVIATION: Final = 0.01


@dataclass(frozen=True, slots=True)
class ClassShard:
    """The classes whose centres one process holds: a run of them, cut as `torch.chunk` does."""

    first_class: int
    """The first of them."""
    num_classes: int
    """How many; 0 for the last processes where there are few classes."""
    num_classes_in_all: int
    """On all processes together."""


def shard_of(num_classes: int, world: World) -> ClassShard:
    """The share of this process in `num_classes` classes."""
    most = -(-num_classes // world.size)
    first = min(most * world.rank, num_classes)
    return ClassShard(first, min(most, num_classes - first), num_classes)


def first_centres(first_row: int, num_rows: int, dim: int, seed: int) -> Tensor:
    """Rows [first_row, first_row + num_rows) of a matrix of N(0, 0.01), float32 on the CPU.

    It is drawn in blocks, each from a seed of its own, so that a row is the same in any cut and no
    process draws much more than its own.
    """
    rows = torch.empty(num_rows, dim)
    for block in range(first_row // _BLOCK_ROWS, -(-(first_row + num_rows) // _BLOCK_ROWS)):
        start = block * _BLOCK_ROWS - first_row
        drawn = _block(block, dim, seed)
        begin, end = max(start, 0), min(start + _BLOCK_ROWS, num_rows)
        rows[begin:end] = drawn[begin - start : end - start]
    return rows


def _block(block: int, dim: int, seed: int) -> Tensor:
    # torch's generator takes 32 bits: blocks count on from a hash, and so never coincide.
    start = int(mix(np.array([seed], np.uint64))[0])
    generator = torch.Generator().manual_seed((start + block) % 2**32)
    return torch.empty(_BLOCK_ROWS, dim).normal_(0, _DEVIATION, generator=generator)
