import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.loss_scale import LossScale


@given(st.lists(st.booleans(), max_size=400))
def test_moves_as_torch_moves_its_own(overflows: list[bool]) -> None:
    ours = LossScale(torch.device("cpu"), enabled=True)
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=100)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.0)
    for overflowed in overflows:
        theirs.scale(parameter.sum()).backward()  # type: ignore[no-untyped-call]  # torch's own
        parameter.grad = torch.full((1,), float("inf") if overflowed else 1.0)
        theirs.step(optimiser)
        theirs.update()
        ours.update(torch.tensor(overflowed))
        assert float(ours.value) == theirs.get_scale()


def test_is_one_where_it_is_not_wanted() -> None:
    scale = LossScale(torch.device("cpu"), enabled=False)
    scale.update(torch.tensor(True))
    assert float(scale.value) == 1.0


def test_state_is_filled_in_place() -> None:
    scale, other = (LossScale(torch.device("cpu"), enabled=True) for _ in range(2))
    for _ in range(3):
        scale.update(torch.tensor(True))
    for name, value in other.state().items():
        value.copy_(scale.state()[name])
    other.update(torch.tensor(True))
    scale.update(torch.tensor(True))
    assert float(other.value) == float(scale.value) == pytest.approx(2.0**12)
