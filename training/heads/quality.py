"""How good a crop is, by the length of its embedding (Kim et al. 2022)."""

from typing import Final

import torch
from torch import Tensor, nn

_NORM_RANGE: Final = (1e-3, 100.0)
_FIRST_MEAN: Final = 20.0
_FIRST_DEVIATION: Final = 100.0
_LEAST_DEVIATION: Final = 1e-3


class NormQuality(nn.Module):
    """q = clip(h (norm - mean) / deviation, -1, 1), with running mean and deviation of the norms.

    Norms are clipped to [1e-3, 100], mean and deviation start at 20 and 100, as in the released
    code. That code moves them by each process's batch and then uses them; here all crops of a step,
    on all processes and in all micro-batches, see the values of the step before, and
    `end_step` moves them once by mean and deviation of the whole step: one step of t_alpha = 0.01
    later, and the same for any number of processes. No gradient passes.
    """

    mean: Tensor
    deviation: Tensor
    _moments: Tensor

    def __init__(self, concentration: float, average_rate: float) -> None:
        super().__init__()
        self._concentration = concentration
        self._average_rate = average_rate
        self.register_buffer("mean", torch.tensor(_FIRST_MEAN))
        self.register_buffer("deviation", torch.tensor(_FIRST_DEVIATION))
        # Of this step: how many, and their first and second moments about the running mean.
        self.register_buffer("_moments", torch.zeros(3), persistent=False)

    def begin_step(self) -> None:
        """Forget the norms that `forward` noted."""
        self._moments.zero_()

    @torch.no_grad()
    def forward(self, norms: Tensor) -> Tensor:
        """Norms (n,) of raw embeddings to qualities (n,) in [-1, 1]; notes the norms."""
        off_mean = norms.clamp(*_NORM_RANGE) - self.mean
        self._moments += torch.stack([off_mean**power for power in range(3)]).sum(1)
        return (self._concentration * off_mean / (self.deviation + _LEAST_DEVIATION)).clamp(-1, 1)

    @torch.no_grad()
    def end_step(self, found_inf: Tensor) -> None:
        """Move mean and deviation by the norms noted since `begin_step`, unless `found_inf`."""
        count, total, squares = self._moments.unbind()
        off_mean = total / count.clamp(min=1)
        # One crop has no deviation.
        variance = (squares - total * off_mean).clamp(min=0) / (count - 1).clamp(min=1)
        self._move(self.mean, off_mean, (found_inf == 0) & (count > 1))
        self._move(self.deviation, variance.sqrt() - self.deviation, (found_inf == 0) & (count > 1))

    def _move(self, average: Tensor, by: Tensor, due: Tensor) -> None:
        average.copy_(torch.where(due, average + self._average_rate * by, average))
