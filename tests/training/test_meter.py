import pytest
import torch

from training.errors import TrainingDivergedError
from training.meter import ACCURACY, FEATURE_NORM, GRAD_NORM, LOSS, Meter
from training.step import StepValues


def _values(loss: float, grad_norm: float = 1.0, *, is_healthy: bool = True) -> StepValues:
    return StepValues(
        loss=torch.tensor(loss),
        accuracy=torch.tensor(loss / 4),
        feature_norm=torch.tensor(loss * 2),
        grad_norm=torch.tensor(grad_norm),
        is_healthy=torch.tensor(is_healthy),
    )


def test_means_are_over_all_steps_however_they_are_read() -> None:
    at_once, one_by_one = Meter(), Meter()
    for step, loss in enumerate((1.0, 3.0, 0.1)):
        for meter in (at_once, one_by_one):
            meter.add(_values(loss, grad_norm=3 * loss))
        one_by_one.read(step + 1)
    assert at_once.read(3).shape == (3, 5)
    assert at_once.read(3).shape == (0, 5)
    assert torch.equal(at_once.sums, one_by_one.sums)
    means = [at_once.mean(value) for value in (LOSS, ACCURACY, FEATURE_NORM, GRAD_NORM)]
    assert means == pytest.approx([4.1 / 3, 4.1 / 12, 8.2 / 3, 4.1])
    assert (at_once.num_steps, at_once.skipped_steps) == (3, 0)


def test_steps_that_were_left_out_have_no_gradient() -> None:
    meter = Meter()
    meter.add(_values(1.0, grad_norm=float("inf")))
    meter.add(_values(1.0, grad_norm=2.0))
    meter.read(2)
    assert meter.mean(GRAD_NORM) == 2.0
    assert meter.skipped_steps == 1


def test_the_first_step_that_is_not_finite_is_named() -> None:
    meter = Meter()
    meter.add(_values(1.0))
    meter.add(_values(float("nan"), is_healthy=False))
    meter.add(_values(1.0, is_healthy=False))
    with pytest.raises(TrainingDivergedError, match="step 9: loss nan, gradient norm 1") as found:
        meter.read(10)
    assert found.value.step == 8
