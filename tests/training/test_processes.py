import os
import signal

import pytest
import torch

from tests.training.processes import ProcessDiedError, run_processes
from training.errors import TrainingDataError, WorldError
from training.world import World


def _exchange(world: World, start: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    own = torch.tensor([start + world.rank])
    rows = torch.arange(2.0 * world.size) * (world.rank + 1)
    world.barrier()
    return world.gather(own), world.sum(own), world.scatter_sum(rows)


def _fail(world: World) -> None:
    if world.rank == 1:
        raise TrainingDataError("rank 1 has bad crops")
    world.sum(torch.zeros(1))


def _die(world: World, notice: bool) -> None:
    if world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if notice:
        world.sum(torch.zeros(1))


@pytest.mark.parametrize("size", [1, 2])
def test_results_come_in_order_of_rank(size: int) -> None:
    results = run_processes(size, _exchange, start=5)
    own = [5.0 + rank for rank in range(size)]
    whole = torch.arange(2.0 * size) * sum(range(1, size + 1))
    for rank, (gathered, total, share) in enumerate(results):
        assert gathered.tolist() == own
        assert total.tolist() == [sum(own)]
        assert share.tolist() == whole[2 * rank : 2 * rank + 2].tolist()


def test_first_error_is_raised_with_its_traceback() -> None:
    with pytest.raises(TrainingDataError, match="bad crops") as caught:
        run_processes(2, _fail)
    assert "rank 1:" in caught.value.__notes__[0]
    assert "in _fail" in caught.value.__notes__[0]


def test_killed_process_is_noticed_by_the_others() -> None:
    with pytest.raises(WorldError, match="process 0 of 2 lost the others"):
        run_processes(2, _die, notice=True)


def test_killed_process_that_nobody_misses_is_named() -> None:
    with pytest.raises(ProcessDiedError, match="process 1 ended with exit code -9"):
        run_processes(2, _die, notice=False)
