import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from data.split_mix import mix
from training.draws import epoch_key
from training.heads.sampling import ActiveClasses, draw_classes, num_places
from training.heads.shard import ClassShard, shard_of
from training.world import World

CPU = torch.device("cpu")


def _active(draw: ActiveClasses, first_class: int = 0) -> Tensor:
    return (draw.classes[draw.is_active] + first_class).sort().values


def _draw(num_classes: int, labels: Tensor, rate: float, size: int = 1, step: int = 0) -> Tensor:
    """Active classes as `size` processes draw them together."""
    shards = [shard_of(num_classes, World(rank, size, CPU)) for rank in range(size)]
    assert shards[0].first_class == 0
    assert all(a.first_class + a.num_classes == b.first_class for a, b in pairwise(shards))
    assert sum(shard.num_classes for shard in shards) == num_classes
    draws = [
        _active(draw_classes(labels, shard, rate, 5, step), shard.first_class)
        for shard in shards
        if shard.num_classes
    ]
    return torch.cat(draws)


@given(
    num_classes=st.integers(1, 400),
    rate=st.floats(0.001, 0.999),
    size=st.integers(2, 9),
    step=st.integers(0, 2**40),
    data=st.data(),
)
def test_set_is_the_same_in_any_cut_and_holds_all_labels(
    num_classes: int, rate: float, size: int, step: int, data: st.DataObject
) -> None:
    labels = torch.tensor(data.draw(st.lists(st.integers(0, num_classes - 1), max_size=20)))
    labels = labels.long()
    alone = _draw(num_classes, labels, rate, 1, step)
    assert torch.equal(_draw(num_classes, labels, rate, size, step), alone)
    assert torch.isin(labels, alone).all()


@given(num_classes=st.integers(1, 300), rate=st.floats(0.001, 0.999), first=st.integers(0, 10**6))
def test_places_are_those_of_the_classes(num_classes: int, rate: float, first: int) -> None:
    shard = ClassShard(first, num_classes, first + num_classes)
    labels = first + torch.arange(0, num_classes, 7)
    draw = draw_classes(labels, shard, rate, seed=1, step=2)
    assert len(set(draw.classes.tolist())) == len(draw.classes)
    assert len(draw.classes) == num_places(num_classes, rate, len(labels))
    assert torch.equal(draw.classes[draw.places[labels - first]], labels - first)
    assert draw.is_active[draw.places[labels - first]].all()


def test_rate_is_honoured_within_its_binomial_bound() -> None:
    """Six deviations of a fair draw; the numbers are fixed by seed and step."""
    num_classes, rate = 200_000, 0.1
    deviation = math.sqrt(num_classes * rate * (1 - rate))
    sets = [_draw(num_classes, torch.tensor([], dtype=torch.int64), rate, step=s) for s in (0, 1)]
    for drawn in sets:
        assert abs(len(drawn) - num_classes * rate) < 6 * deviation
        assert drawn.diff().float().mean().item() == pytest.approx(1 / rate, rel=0.05)
    both = torch.isin(sets[0], sets[1]).sum().item()
    assert abs(both - num_classes * rate**2) < 6 * math.sqrt(num_classes * rate**2)


def test_draw_is_the_hash_of_the_loader_in_torch() -> None:
    classes = np.arange(1000, dtype=np.uint64)
    words = mix(mix(classes) ^ epoch_key(5, 3)) >> np.uint64(11)
    expected = np.flatnonzero(words.astype(np.float64) / 2**53 < 0.3)
    drawn = _draw(1000, torch.tensor([], dtype=torch.int64), 0.3, step=3)
    np.testing.assert_array_equal(drawn.numpy(), expected)


@given(num_classes=st.integers(1, 10**7), rate=st.floats(1e-4, 0.9999), batch=st.integers(1, 4096))
def test_places_suffice_but_are_no_more_than_there_are(
    num_classes: int, rate: float, batch: int
) -> None:
    mean = num_classes * rate
    wanted = mean + 6 * math.sqrt(mean * (1 - rate)) + batch
    assert num_places(num_classes, rate, batch) >= min(num_classes, wanted)
    assert num_places(num_classes, rate, batch) <= num_classes
