"""Rows cut over processes, and cut anew."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tests.training.checkpoints.states import random_bits
from training.checkpoints.records import CheckpointRecord, RankPlan, merge, rank_file, record_of
from training.checkpoints.restoring import check_fit, fill
from training.checkpoints.state import RowShard
from training.errors import CheckpointError
from training.world import World

NUM_ROWS = 13
cuts = st.lists(st.integers(0, NUM_ROWS), max_size=5).map(
    lambda inner: [0, *sorted(inner), NUM_ROWS]
)


def _shards(whole: torch.Tensor, at: list[int]) -> list[RowShard]:
    return [RowShard(whole[low:high].clone(), low, len(whole)) for low, high in pairwise(at)]


def _plans(shards: list[RowShard]) -> list[RankPlan]:
    return [RankPlan(step=1, num_bytes=0, tensors={"rows": record_of(shard)}) for shard in shards]


@given(saved=cuts, wanted=cuts, width=st.integers(0, 3))
def test_rows_come_back_whatever_the_cuts(
    tmp_path_factory: pytest.TempPathFactory, saved: list[int], wanted: list[int], width: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    whole = random_bits(1, NUM_ROWS, width, dtype=torch.int64)
    shards = _shards(whole, saved)
    for rank, shard in enumerate(shards):
        save_file({"rows": shard.tensor}, folder / rank_file(rank))
    record = CheckpointRecord(
        step=1, world_size=len(shards), facts={}, tensors=merge(_plans(shards)), files={}
    )
    for rank, target in enumerate(_shards(torch.zeros_like(whole), wanted)):
        check_fit(record, {"rows": target}, folder)
        fill(record, {"rows": target}, folder, World(rank, len(wanted) - 1, torch.device("cpu")))
        assert torch.equal(target.tensor, whole[wanted[rank] : wanted[rank + 1]])


@given(at=cuts, rank=st.integers(0, 5), shift=st.integers(-3, 3).filter(bool))
def test_rows_that_are_missing_or_held_twice_are_refused(
    at: list[int], rank: int, shift: int
) -> None:
    shards = _shards(torch.zeros(NUM_ROWS, 2), at)
    rank %= len(shards)
    odd = shards[rank]
    shards[rank] = RowShard(odd.tensor, odd.first_row + shift, NUM_ROWS)
    with pytest.raises(CheckpointError, match="rows: the processes hold the rows"):
        merge(_plans(shards))
