"""A sharded head is the dense one: in loss, gradients and centres, on 1, 2 and 4 processes."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.training.heads.cases import CASES, Step, joined, run_cases, run_dense
from tests.training.processes import run_processes


@pytest.fixture(scope="module")
def sharded() -> Callable[[int], list[dict[str, list[Step]]]]:
    """All cases on so many processes, started once."""
    return cache(lambda size: run_processes(size, run_cases))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_equals_the_dense_head(
    sharded: Callable[[int], list[dict[str, list[Step]]]], size: int, name: str
) -> None:
    ranks = [results[name] for results in sharded(size)]
    expected = run_dense(CASES[name])
    is_double = CASES[name].dtype == torch.float64
    rtol, atol = (1e-10, 1e-10) if is_double else (1e-4, 1e-5)
    for step, dense in enumerate(expected):
        shares = [steps[step] for steps in ranks]
        assert all(torch.equal(share.loss_sum, shares[0].loss_sum) for share in shares)
        torch.testing.assert_close(
            _named(joined(shares), step), _named(dense, step), rtol=rtol, atol=atol
        )


def _named(step: Step, number: int) -> dict[str, Tensor]:
    return {f"{name} of step {number}": values for name, values in vars(step).items()}
