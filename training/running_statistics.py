"""Running means and variances of all batch norms, the same for any number of processes.

torch moves them at every forward pass, on each process by itself: they then depend on how a batch
was cut. Here they move once a step, by the mean over all micro-batches of all processes. In a
forward pass each micro-batch is normalised by its own statistics, as ghost batch norm does (Hoffer
et al. 2017).
"""

from typing import Final

import torch
from torch import Tensor, nn

_MOMENTUM: Final = 0.1  # torch's default, and arcface_torch's


class RunningStatistics:
    """All of them in one tensor, so that a step takes one addition and one exchange."""

    def __init__(self, model: nn.Module) -> None:
        """Take over the buffers of a model that is on its device already."""
        self._norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        parts = [part for norm in self._norms for part in (norm.running_mean, norm.running_var)]
        self.average = torch.cat([part for part in parts if part is not None])
        self._written = self.average.clone()
        self.sum = torch.zeros_like(self.average)
        start = 0
        for norm in self._norms:
            norm.momentum = 1.0  # a forward pass writes its own statistics and nothing else
            middle, end = start + norm.num_features, start + 2 * norm.num_features
            norm.running_mean, norm.running_var = (
                self._written[start:middle],
                self._written[middle:end],
            )
            start = end

    def add(self) -> None:
        """Take in what the forward pass of a micro-batch has written."""
        self.sum += self._written

    def move(self, total: Tensor, num_micro_batches: int, stays: Tensor) -> None:
        """Move the averages by `total`, the sum over all processes, unless `stays` is true."""
        mean = torch.where(stays, self.average, total / num_micro_batches)
        self.average.lerp_(mean, _MOMENTUM)
        self.sum.zero_()

    def publish(self) -> None:
        """Put the averages where inference reads them; the next forward pass writes over them."""
        self._written.copy_(self.average)

    def release(self, num_steps: int) -> None:
        """Give the model back as torch knows it, after its last step."""
        self.publish()
        for norm in self._norms:
            norm.momentum = _MOMENTUM
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.fill_(num_steps)
