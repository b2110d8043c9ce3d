import torch

from tests.training.processes import run_processes
from training.cadence import Agreement, Cadence
from training.world import World, alone


def test_quick_steps_are_looked_at_in_tens_and_slow_ones_each() -> None:
    cadence = Cadence(alone("cpu"))
    assert cadence.is_due()
    cadence.agree(stop=False, save=False, step_s=0.001)
    assert [cadence.is_due() for _ in range(16)] == [False] * 15 + [True]
    cadence.agree(stop=False, save=False, step_s=60.0)
    assert cadence.is_due()


def _disagree(world: World) -> tuple[Agreement, list[bool]]:
    cadence = Cadence(world)
    last = world.rank == world.size - 1
    found = cadence.agree(stop=last, save=last, step_s=0.5 if world.is_main else 9.0)
    return found, [cadence.is_due() for _ in range(4)]


def test_any_process_can_stop_all_and_the_main_one_decides_the_rest() -> None:
    for found, dues in run_processes(2, _disagree):
        assert found == Agreement(stop=True, save=False)
        assert dues == [False, False, False, True]


def test_world_of_one_exchanges_nothing() -> None:
    world, rows = alone("cpu"), torch.arange(6.0).view(3, 2)
    assert torch.equal(world.sum(rows), rows)
    assert torch.equal(world.gather(rows), rows)
    assert torch.equal(world.scatter_sum(rows), rows)
    world.barrier()


def _exchange(world: World) -> tuple[list[float], list[float], list[float]]:
    own = torch.full((2,), float(world.rank + 1))
    whole = torch.arange(2.0 * world.size)
    return world.sum(own).tolist(), world.gather(own).tolist(), world.scatter_sum(whole).tolist()


def test_world_of_two_sums_gathers_and_scatters() -> None:
    first, second = run_processes(2, _exchange)
    assert first == ([3.0, 3.0], [1.0, 1.0, 2.0, 2.0], [0.0, 2.0])
    assert second == ([3.0, 3.0], [1.0, 1.0, 2.0, 2.0], [4.0, 6.0])
