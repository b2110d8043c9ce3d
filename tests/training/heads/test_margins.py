import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from training.heads.margins import (
    adaptive_margin,
    angular_margin,
    combined_margin,
    cosine_margin,
)

MARGINS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda c: angular_margin(c, 0.0),
    "angle": lambda c: angular_margin(c, 0.5),
    "cosine": lambda c: cosine_margin(c, 0.4),
    "combined": lambda c: combined_margin(c, 1.0, 0.3, 0.2),
    "multiplied": lambda c: combined_margin(c, 1.4, 0.3, 0.1),
    "adaptive, poor": lambda c: adaptive_margin(c, torch.full_like(c, -0.8), 0.4),
    "adaptive, good": lambda c: adaptive_margin(c, torch.full_like(c, 0.8), 0.4),
}
ANGLES_RAD = torch.linspace(0.05, math.pi - 0.05, 40, dtype=torch.float64)


@pytest.mark.parametrize("name", MARGINS)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    """In every branch: the grid lies on both sides of each seam, and on none."""
    cosines = ANGLES_RAD.cos().requires_grad_()
    assert torch.autograd.gradcheck(MARGINS[name], (cosines,), eps=1e-7)


@pytest.mark.parametrize("name", MARGINS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_values_and_gradients_are_finite_everywhere(name: str, dtype: torch.dtype) -> None:
    at = [-1.001, -1.0, -1 + 1e-7, -0.8775, 0.0, 1 - 1e-7, 1.0, 1.001]
    cosines = torch.tensor(at, dtype=dtype, requires_grad=True)
    moved = MARGINS[name](cosines)
    (slopes,) = torch.autograd.grad(moved.sum(), cosines)
    assert torch.isfinite(moved).all()
    assert torch.isfinite(slopes).all()


@given(
    first=st.floats(-1, 1),
    second=st.floats(-1, 1),
    margin_rad=st.floats(0, 1.5),
    multiplier=st.floats(1, 4),
)
def test_a_worse_angle_is_never_rewarded(
    first: float, second: float, margin_rad: float, multiplier: float
) -> None:
    cosines = torch.tensor(sorted((first, second)), dtype=torch.float64)
    for moved in (
        angular_margin(cosines, margin_rad),
        combined_margin(cosines, multiplier, margin_rad, 0.1) + 0.1,
    ):
        assert moved[0] <= moved[1] + 1e-9
        # Within 1e-6 of a pole the cosine is taken for that of 1.4e-3 rad.
        assert (moved <= cosines + 6e-3).all()


@pytest.mark.parametrize("multiplier", [1.0, 1.4, 3.0])
def test_branches_meet(multiplier: float) -> None:
    seam = math.cos((math.pi - 0.5) / multiplier)
    cosines = torch.tensor([seam - 1e-9, seam + 1e-9], dtype=torch.float64)
    below, above = combined_margin(cosines, multiplier, 0.5, 0.0)
    torch.testing.assert_close(below, above, atol=1e-6, rtol=0)
    if multiplier == 1:
        torch.testing.assert_close(
            angular_margin(cosines, 0.5), combined_margin(cosines, 1.0, 0.5, 0.0)
        )


def test_adaface_is_arcface_for_the_worst_and_cosface_for_middling_crops() -> None:
    cosines = ANGLES_RAD[5:30].cos()
    worst, middling = torch.full_like(cosines, -1), torch.zeros_like(cosines)
    torch.testing.assert_close(adaptive_margin(cosines, worst, 0.4), angular_margin(cosines, 0.4))
    torch.testing.assert_close(adaptive_margin(cosines, middling, 0.4), cosine_margin(cosines, 0.4))
