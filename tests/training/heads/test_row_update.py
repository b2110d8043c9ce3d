import pytest
import torch

from training.heads.row_update import SgdStep

RATE, DECAY = 0.1, 1e-2


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_rows_that_move_do_so_as_torch_moves_them(momentum: float, nesterov: bool) -> None:
    torch.manual_seed(0)
    rows = torch.randn(5, 3, dtype=torch.float64)
    expected = torch.nn.Parameter(rows.clone())
    optimiser = torch.optim.SGD(
        [expected], RATE, momentum=momentum, nesterov=nesterov, weight_decay=DECAY
    )
    velocity, sgd = torch.zeros_like(rows), SgdStep(RATE, momentum, nesterov, DECAY)
    for _ in range(3):
        gradient, by_gradient = torch.randn_like(rows), torch.rand(5, 1, dtype=torch.float64)
        by_rows = -torch.rand(5, 1, dtype=torch.float64)
        expected.grad = by_gradient * gradient + by_rows * expected.detach()
        optimiser.step()
        sgd.move(rows, velocity, (gradient, by_gradient, by_rows), torch.tensor([[True]]))
        torch.testing.assert_close(rows, expected.detach(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_rows_that_stay_ignore_even_what_is_not_finite(nesterov: bool) -> None:
    rows, velocity = torch.randn(2, 3), torch.randn(2, 3)
    before = rows.clone(), velocity.clone()
    terms = (torch.full((2, 3), torch.nan), torch.full((2, 1), torch.inf), torch.ones(2, 1))
    moves = torch.tensor([[False], [True]])
    SgdStep(RATE, 0.9, nesterov, DECAY).move(rows, velocity, terms, moves)
    assert torch.equal(rows[0], before[0][0])
    assert torch.equal(velocity[0], before[1][0])
    assert rows[1].isnan().all()
