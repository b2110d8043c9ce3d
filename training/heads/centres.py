"""The class centres that take part in one optimiser step, and the gradient they gather."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.heads.sampling import ActiveClasses
from training.heads.shard import ClassShard

_LEAST_NORM: Final = 1e-12


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """Rows of a shard that stand in for all of them."""

    rows: Tensor
    """(places * sub_centres,) int64, distinct."""
    is_active: Tensor
    """(places * sub_centres, 1) bool: false for those that only fill a place."""


class StepCentres:
    """Unit vectors of a shard's active centres, and the loss's gradient by them.

    A column is a class that takes part. The gradient is gathered over all micro-batches, and
    carried over to the centres themselves once, at the end, when nothing can be added any more.
    """

    def __init__(
        self, weight: Tensor, shard: ClassShard, sub_centres: int, draw: ActiveClasses | None
    ) -> None:
        """Take rows of `weight` (shard.num_classes * sub_centres, dim): those drawn, or all.

        A shard without classes gets one column that is not active, so that shapes stay ordinary.
        """
        self._shard = shard
        self._draw = draw
        self.drawn = None if draw is None else _drawn_rows(draw, sub_centres)
        """Which rows they are; None where it is all of them, in order."""
        self.is_active = None if draw is None else draw.is_active
        """(columns,) bool: false for a column that only fills a place; None where all take part."""
        chosen = weight if self.drawn is None else weight[self.drawn.rows]
        if shard.num_classes == 0:
            chosen = weight.new_zeros((sub_centres, weight.shape[1]))
            self.is_active = torch.zeros(1, dtype=torch.bool, device=weight.device)
        self._norms = chosen.norm(dim=1, keepdim=True).clamp_min(_LEAST_NORM)
        self._unit: Tensor = chosen / self._norms
        self._gradient: Tensor | None = None
        self._along: Tensor | None = None

    @property
    def unit(self) -> Tensor:
        """(columns * sub_centres, dim)."""
        if self._along is not None:
            raise RuntimeError("the gradient of this step was taken already")
        return self._unit

    def columns_of(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Column of each label (n,), and whether it is in this shard; elsewhere column 0."""
        local = labels - self._shard.first_class
        is_here = (local >= 0) & (local < self._shard.num_classes)
        local = torch.where(is_here, local, 0)
        if self._draw is not None and self._shard.num_classes:
            local = torch.where(is_here, self._draw.places[local], 0)
        return local, is_here

    def add_gradient(self, slopes: Tensor, embeddings: Tensor) -> None:
        """Add slopes (n, centres)^T @ embeddings (n, dim): a loss's gradient by `unit`."""
        if self._gradient is None:
            self._gradient = slopes.T @ embeddings
        else:
            self._gradient.addmm_(slopes.T, embeddings)

    def square_sum(self) -> Tensor:
        """Scalar: sum of squares of the gradient by the centres themselves."""
        gradient, along = self._summed()
        across = gradient.norm(dim=1, keepdim=True) ** 2 - along**2
        return torch.sum(across.clamp(min=0) / self._norms**2)

    def gradient_terms(self, grad_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """G (as `unit`), a and b (rows, 1): the gradient by the centres, unscaled, is a G + b w.

        A centre w of norm r has the gradient (G - (G . w / r) w / r) / r: only what turns it. So it
        needs no matrix of its own.
        """
        gradient, along = self._summed()
        scaled = self._norms * grad_scale
        return gradient, 1 / scaled, -along / (scaled * self._norms)

    def _summed(self) -> tuple[Tensor, Tensor]:
        """What was added, and its part (rows, 1) along each unit vector."""
        if self._gradient is None:
            self._gradient = torch.zeros_like(self._unit)
        if self._along is None:
            # The unit vectors are not needed any more: no further matrix for the products.
            self._along = self._unit.mul_(self._gradient).sum(1, keepdim=True)
        return self._gradient, self._along


def _drawn_rows(draw: ActiveClasses, sub_centres: int) -> DrawnRows:
    steps = torch.arange(sub_centres, device=draw.classes.device)
    rows = (draw.classes[:, None] * sub_centres + steps).flatten()
    return DrawnRows(rows, draw.is_active.repeat_interleave(sub_centres)[:, None])
