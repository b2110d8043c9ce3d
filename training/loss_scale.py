"""The factor by which a loss in float16 is raised, so that small gradients do not vanish.

The rule is that of `torch.amp.GradScaler` (Micikevicius et al. 2018): halved after an overflow,
doubled after a while without one. Ours lets every process take the same decision, because whether
a gradient overflowed is read off the norm over all of them, and never makes the host wait.
"""

from typing import Final

import torch
from torch import Tensor

_FIRST: Final = 2.0**16
_GROWTH_STEPS: Final = 100  # arcface_torch's; torch's 2000 suits runs of millions of steps
_LARGEST: Final = 2.0**24
SMALLEST: Final = 2.0**-8
"""Below it the loss itself is what overflows, and no scale helps."""


class LossScale:
    """Its value and how long it has been good, as tensors on the device."""

    def __init__(self, device: torch.device, *, enabled: bool) -> None:
        """Without `enabled`, as for bfloat16, the scale is 1 and stays so."""
        self.enabled = enabled
        self.value = torch.full((), _FIRST if enabled else 1.0, device=device)
        self.good_steps = torch.zeros((), dtype=torch.int64, device=device)

    def update(self, overflowed: Tensor) -> None:
        """Note whether the gradients of a step, a bool scalar, were not finite."""
        if not self.enabled:
            return
        good_steps = torch.where(overflowed, 0, self.good_steps + 1)
        grows = good_steps >= _GROWTH_STEPS
        grown = torch.where(grows, self.value * 2, self.value).clamp(max=_LARGEST)
        self.value.copy_(torch.where(overflowed, self.value / 2, grown))
        self.good_steps.copy_(torch.where(grows, 0, good_steps))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds, by name; filled in place on loading."""
        return {"loss_scale.value": self.value, "loss_scale.good_steps": self.good_steps}
