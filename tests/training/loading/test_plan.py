import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.loading.plan import StepPlan


@given(
    micro=st.integers(2, 9), world=st.integers(1, 8), rounds=st.integers(1, 5), rest=st.integers(0)
)
def test_sizes_that_fit_are_taken_as_they_are(
    micro: int, world: int, rounds: int, rest: int
) -> None:
    batch_size = micro * world * rounds
    plan = StepPlan(batch_size * 3 + rest % batch_size, batch_size, micro, world)
    assert plan.shape == (rounds, world, micro)
    assert (plan.batch_size, plan.steps_per_epoch) == (batch_size, 3)


def test_steps_cover_an_epoch_and_the_next_begins_at_its_start() -> None:
    plan = StepPlan(26, 8, None, 2)
    assert plan.shape == (1, 2, 4)
    positions = [plan.positions(step).tolist() for step in range(4)]
    assert np.concatenate(positions[:3]).tolist() == list(range(24))
    assert positions[3] == positions[0]
    assert [plan.epoch_of(step) for step in (0, 2, 3, 6)] == [0, 0, 1, 2]


def test_a_group_of_samples_is_the_same_for_any_number_of_processes() -> None:
    def groups(world: int) -> list[list[int]]:
        plan = StepPlan(100, 48, 4, world)
        places = np.arange(plan.batch_size).reshape(plan.shape)
        return sorted(places.reshape(-1, 4).tolist())

    assert groups(1) == groups(2) == groups(3) == groups(4)


@pytest.mark.parametrize(
    ("num_samples", "batch_size", "micro", "world", "shape"),
    [
        (5, 64, None, 1, (1, 1, 5)),
        (5, 64, None, 2, (1, 2, 2)),
        (50, 64, 16, 1, (3, 1, 16)),
        (50, 64, 16, 2, (1, 2, 16)),
    ],
)
def test_a_tiny_set_makes_one_batch_of_what_fits(
    num_samples: int, batch_size: int, micro: int | None, world: int, shape: tuple[int, int, int]
) -> None:
    plan = StepPlan(num_samples, batch_size, micro, world)
    assert plan.shape == shape
    assert plan.steps_per_epoch == 1


@pytest.mark.parametrize(
    ("num_samples", "batch_size", "micro", "world", "message"),
    [
        (999, 48, 8, 4, r"4 processes.*it can by 1, 2, 3, 6$"),
        (999, 50, None, 4, r"it can by 1, 2, 5, 10, 25$"),
        (999, 8, None, 8, r"it can by 1, 2, 4$"),
        (999, 48, 9, 1, "no multiple of micro_batch_size 9"),
        (999, 48, 1, 1, "at least 2"),
        (15, 64, 16, 1, "15 crops.*at least|takes 16 at least"),
        (3, 64, None, 2, "takes 4 at least"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_with_those_that_do(
    num_samples: int, batch_size: int, micro: int | None, world: int, message: str
) -> None:
    with pytest.raises(TrainingDataError, match=message):
        StepPlan(num_samples, batch_size, micro, world)
