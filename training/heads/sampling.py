"""Partial FC's draw: which classes a step compares with (An et al. 2021 and 2022).

The classes of the step's crops are always in; of the others each is in where a hash of (seed, step,
class) falls below the rate. So the set is the same however the classes are cut over processes, and
nothing is exchanged or waited for. The released code tops up the classes of the batch to a fixed
number, from a random permutation of each process's own classes.

Shapes must not depend on the draw, or the host would have to wait for the device. So every draw
has room for `num_places`, which no draw exceeds; what is left over is filled with classes that are
not in, marked as such.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.split_mix import FIRST_FACTOR, GOLDEN, SECOND_FACTOR
from training.draws import epoch_key
from training.heads.shard import ClassShard

# The same 64 bits read as torch's int64.
_GOLDEN: Final = GOLDEN - 2**64
_FIRST_FACTOR: Final = FIRST_FACTOR - 2**64
_SECOND_FACTOR: Final = SECOND_FACTOR - 2**64
_LOG_ODDS: Final = 12 * math.log(10)


@dataclass(frozen=True, slots=True)
class ActiveClasses:
    """Which classes of a shard take part in a step, and where each stands."""

    classes: Tensor
    """(places,) int64, distinct: numbers within the shard, those of the step's crops first."""
    is_active: Tensor
    """(places,) bool: false for those that only fill up."""
    places: Tensor
    """(shard,) int64: where each class of the shard stands; only valid for active ones."""


def num_places(num_classes: int, sample_rate: float, batch_size: int) -> int:
    """Room for the draw among `num_classes`, with those of `batch_size` crops on top.

    A draw is binomial. By Bernstein's inequality it exceeds its mean by more than t = l/3 +
    sqrt(l^2/9 + 2 l variance) with a chance below exp(-l), here 1e-12. (Should it, then the last
    of the drawn classes stay out of that step.)
    """
    mean = num_classes * sample_rate
    third = _LOG_ODDS / 3
    excess = third + math.sqrt(third**2 + 2 * _LOG_ODDS * mean * (1 - sample_rate))
    return min(num_classes, math.ceil(mean + excess) + batch_size)


def draw_classes(
    labels: Tensor, shard: ClassShard, sample_rate: float, seed: int, step: int
) -> ActiveClasses:
    """Draw among the classes of a shard that has some, for labels (B,) of the whole step."""
    is_drawn = _is_drawn(shard, sample_rate, epoch_key(seed, step), labels.device)
    is_labelled = _is_labelled(labels, shard)
    is_active = is_drawn | is_labelled
    places = _partition(is_labelled, is_drawn & ~is_labelled, ~is_active)
    order = torch.empty_like(places)
    order[places] = torch.arange(len(places), device=labels.device)
    classes = order[: num_places(shard.num_classes, sample_rate, len(labels))]
    return ActiveClasses(classes, is_active[classes], places)


def _is_labelled(labels: Tensor, shard: ClassShard) -> Tensor:
    own = labels - shard.first_class
    # One place more, for the labels of other shards.
    own = torch.where((own >= 0) & (own < shard.num_classes), own, shard.num_classes)
    marks = torch.zeros(shard.num_classes + 1, dtype=torch.bool, device=labels.device)
    return marks.index_fill_(0, own, value=True)[:-1]


def _is_drawn(
    shard: ClassShard, sample_rate: float, key: NDArray[np.uint64], device: torch.device
) -> Tensor:
    end = shard.first_class + shard.num_classes
    classes = torch.arange(shard.first_class, end, device=device)
    words = _mixed(_mixed(classes) ^ int(key.astype(np.int64)[0]))
    # 53 bits are what the rate, a float64, holds.
    return _shifted(words, 11) < math.ceil(sample_rate * 2**53)


def _partition(*groups: Tensor) -> Tensor:
    """Where each element goes when the groups, masks that exclude each other, stand in a row."""
    places = torch.zeros(groups[0].shape, dtype=torch.int64, device=groups[0].device)
    before = torch.zeros((), dtype=torch.int64, device=groups[0].device)
    for group in groups:
        rank = group.cumsum(0)
        places += torch.where(group, before + rank - 1, 0)
        before = before + group.sum()
    return places


def _mixed(words: Tensor) -> Tensor:
    """`data.split_mix.mix` in torch, whose int64 wraps around as numpy's uint64 does."""
    words = words + _GOLDEN
    words = (words ^ _shifted(words, 30)) * _FIRST_FACTOR
    words = (words ^ _shifted(words, 27)) * _SECOND_FACTOR
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, bits: int) -> Tensor:
    """Shift right with zeros coming in, which torch's own shift of int64 does not do."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)
