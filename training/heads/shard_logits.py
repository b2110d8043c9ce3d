"""Logits of embeddings with the classes of one shard, and what becomes of them."""

import math

import torch
from torch import Tensor

from training.heads.centres import StepCentres


class ShardLogits:
    """A matrix (n, columns): logits, then their exponentials, then the loss's derivatives.

    All in the same memory, so that it exists once; the methods are called in the order they stand.
    With K sub-centres the logit of a class is that of the nearest, and there is a matrix (n,
    columns * K) besides, in which the derivatives end up.
    """

    def __init__(self, scaled: Tensor, labels: Tensor, centres: StepCentres, num_sub: int) -> None:
        """Multiply embeddings (n, dim) of length `scale` by the centres; labels are (n,)."""
        self._per_centre: Tensor = scaled @ centres.unit.T
        self._logits, self._nearest = _nearest(self._per_centre, num_sub)
        self._columns, self._is_own = centres.columns_of(labels)
        if centres.is_active is not None:
            self._logits.masked_fill_(~centres.is_active, -math.inf)

    def take_own(self) -> Tensor:
        """(n,) logits of the own classes, 0 where they are elsewhere; they leave the matrix."""
        own = self._logits.gather(1, self._columns[:, None])[:, 0]
        self._put_own(torch.full_like(own, -math.inf))
        return self.of_own(own)

    def of_own(self, values: Tensor) -> Tensor:
        """Values (n,) where the own class is in this shard, 0 elsewhere."""
        return torch.where(self._is_own, values, 0)

    def best(self) -> Tensor:
        """(n,) greatest logits, -inf where there is none."""
        return self._logits.amax(1)

    def leave_out_above(self, logit: float) -> None:
        """Take out of the softmax what is greater than this."""
        self._logits.masked_fill_(self._logits > logit, -math.inf)

    def exponentiate(self, own: Tensor) -> tuple[Tensor, Tensor]:
        """Give the own classes the logits `own` (n,); greatest (n,), and sum of exp(logit - it)."""
        self._put_own(own)
        top = self.best()
        floor = torch.where(top == -math.inf, 0, top)
        return top, self._logits.sub_(floor[:, None]).exp_().sum(1)

    def differentiate(self, factors: Tensor, own_derivatives: Tensor) -> Tensor:
        """Derivatives (n, centres): exponentials times `factors` (n,), own ones as given (n,)."""
        self._logits.mul_(factors[:, None])
        self._put_own(own_derivatives)
        if self._nearest is None:
            return self._logits
        spread = self._per_centre.view(*self._logits.shape, -1).zero_()
        spread.scatter_(2, self._nearest[:, :, None], self._logits[:, :, None])
        return self._per_centre

    def _put_own(self, values: Tensor) -> None:
        at = self._columns[:, None]
        kept = self._logits.gather(1, at)
        self._logits.scatter_(1, at, torch.where(self._is_own[:, None], values[:, None], kept))


def _nearest(per_centre: Tensor, num_sub: int) -> tuple[Tensor, Tensor | None]:
    """Logits (n, columns) of the nearest sub-centre of each class, and which it is."""
    if num_sub == 1:
        return per_centre, None
    values, indices = per_centre.view(len(per_centre), -1, num_sub).max(2)
    return values, indices
