"""States to save, and what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.state import PerRank, RowShard, Value, tensor_of
from training.checkpoints.store import CheckpointStore
from training.world import World, alone

IDENTITY = {"config": "c1", "data": "d1"}
CONFIG = CheckpointsConfig(leave_free_gb=0, timeout_minutes=1)


def store(folder: Path, world: World | None = None, **changes: object) -> CheckpointStore:
    config = CONFIG.model_copy(update=changes)
    return CheckpointStore(folder, config, world or alone("cpu"), IDENTITY)


def random_bits(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Every pattern of bits, not-a-numbers among them."""
    chance = torch.Generator().manual_seed(seed)
    size = torch.empty(0, dtype=dtype).element_size()
    octets = torch.randint(0, 256, (*shape, size), dtype=torch.uint8, generator=chance)
    return octets.view(dtype).squeeze(-1)


@dataclass(frozen=True)
class Case:
    """One state, cut over any number of processes as each likes."""

    seed: int
    world: World

    def value(self) -> dict[str, Value]:
        return {
            "conv": random_bits(self.seed, 4, 3, 2, 2).to(memory_format=torch.channels_last),
            "half": random_bits(self.seed + 1, 5, dtype=torch.bfloat16),
            "steps": torch.tensor(self.seed),
            "centres": self._shard(random_bits(self.seed + 2, 11, 3)),
            "two": self._shard(random_bits(self.seed + 3, 2, 5)),
            "one_dim": self._shard(random_bits(self.seed + 4, 7, dtype=torch.int64)),
            "rng": PerRank(random_bits(self.seed + 5 + self.world.rank, 16, dtype=torch.uint8)),
        }

    def _shard(self, whole: Tensor) -> RowShard:
        first, last = lopsided(len(whole), self.world.size)[self.world.rank :][:2]
        return RowShard(whole[first:last].clone(), first, len(whole))


def lopsided(num_rows: int, size: int) -> Sequence[int]:
    """Cuts with ever larger shards: not what an even cut would be."""
    return [num_rows * rank * rank // (size * size) for rank in range(size + 1)]


def emptied(state: dict[str, Value]) -> dict[str, Value]:
    """The same shapes with nothing of the content; changes the state."""
    for value in state.values():
        tensor_of(value).zero_()
    return state


def differing(found: dict[str, Value], wanted: dict[str, Value]) -> list[str]:
    """Names of which any bit differs."""
    return [name for name, value in wanted.items() if _bits(found[name]) != _bits(value)]


def _bits(value: Value) -> tuple[object, ...]:
    tensor = tensor_of(value)
    octets = tensor.contiguous().flatten().view(torch.uint8)
    return tensor.shape, tensor.dtype, octets.tolist()
