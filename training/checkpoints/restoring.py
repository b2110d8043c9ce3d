"""Filling the tensors of a run from a checkpoint, whatever the number of processes was."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from training.checkpoints.records import CheckpointRecord, rank_file, record_of
from training.checkpoints.state import PerRank, RowShard, State, Value
from training.errors import CheckpointError
from training.world import World


def check_fit(record: CheckpointRecord, state: State, folder: Path) -> None:
    """Raise `CheckpointError` that names what is missing, left over, or of another shape."""
    saved, wanted = record.tensors, {name: record_of(value) for name, value in state.items()}
    problems = [f"{name} is missing" for name in sorted(wanted.keys() - saved.keys())]
    problems += [f"{name} is left over" for name in sorted(saved.keys() - wanted.keys())]
    problems += [
        f"{name} is {saved[name].form} and should be {wanted[name].form}"
        for name in sorted(wanted.keys() & saved.keys())
        if saved[name].form != wanted[name].form
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise CheckpointError(
            f"{folder}: does not fit this run: {'; '.join(problems[:5])}{more}; go on with the"
            " config it was written with"
        )


def fill(record: CheckpointRecord, state: State, folder: Path, world: World) -> tuple[str, ...]:
    """Copy a checkpoint into the tensors of a state that fits; the names that were left alone.

    What each process had of its own means nothing to another number of them, and stays as it is.
    """
    is_same_size = record.world_size == world.size
    filled = {n: v for n, v in state.items() if is_same_size or not isinstance(v, PerRank)}
    files = _Files(folder)
    try:
        with torch.no_grad():
            for name, value in filled.items():
                _fill_one(name, value, record, files, world.rank)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: cannot be read ({error})") from error
    return tuple(sorted(state.keys() - filled.keys()))


class _Files:
    """Opened when first read from; what is read is only what is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: dict[int, Any] = {}

    def of(self, rank: int) -> Any:  # noqa: ANN401  # safetensors has no type for it
        """The file that a process wrote."""
        if rank not in self._opened:
            self._opened[rank] = safe_open(self._folder / rank_file(rank), framework="pt")
        return self._opened[rank]


def _fill_one(name: str, value: Value, record: CheckpointRecord, files: _Files, rank: int) -> None:
    match value:
        case RowShard():
            _fill_rows(name, value, record.tensors[name].cuts, files)
        case PerRank(tensor=tensor):
            tensor.copy_(files.of(rank).get_tensor(name))
        case tensor:
            tensor.copy_(files.of(0).get_tensor(name))


def _fill_rows(name: str, shard: RowShard, cuts: tuple[int, ...], files: _Files) -> None:
    """Take from each process's rows [cuts[r], cuts[r + 1]) those that belong into the shard."""
    first, last = shard.first_row, shard.first_row + len(shard.tensor)
    for rank, (begin, end) in enumerate(pairwise(cuts)):
        low, high = max(first, begin), min(last, end)
        if low < high:
            rows = files.of(rank).get_slice(name)[low - begin : high - begin]
            shard.tensor[low - first : high - first].copy_(rows)
