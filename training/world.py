"""The processes that train together: one on a laptop, one for each GPU on a server.

With one process there is no process group at all and every exchange is the identity, so that the
same loop runs everywhere. With several, torchrun (or Ray) has set RANK, WORLD_SIZE and the rest.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import torch
from torch import Tensor, distributed
from torch.distributed import DistError

from training.errors import TrainingDataError, WorldError

DeviceChoice = Literal["auto", "cpu", "cuda"]
_TIMEOUT: Final = timedelta(minutes=10)
"""A rank that says nothing for so long is taken for dead; validation and saving take seconds."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among those that train together."""

    rank: int
    """Its number, from 0."""
    size: int
    """How many there are."""
    device: torch.device
    """Where it computes."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that talks to people and to MLflow."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum over all processes, on each of them; `values` stays as it is."""
        if self.size == 1:
            return values
        total = values.detach().clone()
        with lost_ranks_named(self):
            distributed.all_reduce(total)
        return total

    def gather(self, rows: Tensor) -> Tensor:
        """Rows (n, ...) of all processes, (size * n, ...) in the order of ranks; n is the same."""
        if self.size == 1:
            return rows
        whole = rows.new_empty((self.size * len(rows), *rows.shape[1:]))
        with lost_ranks_named(self):
            distributed.all_gather_single(whole, rows.detach().contiguous())
        return whole

    def scatter_sum(self, rows: Tensor) -> Tensor:
        """Sum rows (size * n, ...) over all processes; each gets its n, as `gather` orders them."""
        if self.size == 1:
            return rows
        own = rows.new_empty((len(rows) // self.size, *rows.shape[1:]))
        with lost_ranks_named(self):
            distributed.reduce_scatter_single(own, rows.contiguous())
        return own

    def barrier(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            with lost_ranks_named(self):
                distributed.barrier()


def alone(choice: DeviceChoice = "auto") -> World:
    """A world of one process. Raises `TrainingDataError` for a GPU that is not there."""
    return World(rank=0, size=1, device=_device(choice, local_rank=0))


@contextmanager
def open_world(choice: DeviceChoice) -> Iterator[World]:
    """Join the processes that torchrun started together, or be alone where it did not.

    A process group that is open already, as under Ray, is used and left open. Raises `WorldError`
    where the other processes do not come.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield alone(choice)
        return
    device = _device(choice, int(os.environ.get("LOCAL_RANK", "0")))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    is_ours = not distributed.is_initialized()
    if is_ours:
        _join(device)
    try:
        yield World(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        if is_ours:
            distributed.destroy_process_group()


def _join(device: torch.device) -> None:
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        distributed.init_process_group(backend, timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise WorldError(
            f"the processes of this run did not find each other ({error}); start them all with"
            " torchrun, with the same address and port"
        ) from error


@contextmanager
def lost_ranks_named(world: World) -> Iterator[None]:
    """Turn what the backend raises where a process has gone into `WorldError`."""
    try:
        yield
    except RuntimeError as error:
        # gloo has no type of its own for it.
        if world.size == 1 or not (isinstance(error, DistError) or "gloo" in str(error)):
            raise
        raise WorldError(
            f"process {world.rank} of {world.size} lost the others ({error}); start the run again,"
            " it goes on from its last checkpoint"
        ) from error


def _device(choice: DeviceChoice, local_rank: int) -> torch.device:
    available = torch.cuda.is_available()
    if choice == "cuda" and not available:
        raise TrainingDataError("device: cuda was asked for and there is none; set it to auto")
    return (
        torch.device("cuda", local_rank) if available and choice != "cpu" else torch.device("cpu")
    )
