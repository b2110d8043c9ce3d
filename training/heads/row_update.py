"""SGD on the rows of a matrix that took part in a step."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SgdStep:
    """One step's settings, as `torch.optim.SGD` has them."""

    learning_rate: float
    momentum: float
    nesterov: bool
    weight_decay: float

    def move(
        self, rows: Tensor, velocity: Tensor, terms: tuple[Tensor, Tensor, Tensor], moves: Tensor
    ) -> None:
        """Change rows (n, dim) and their velocity in place; where not `moves` (n or 1, 1) nothing.

        With the gradient g = a G + b rows of `terms` = (G, a, b): v <- momentum v + g + decay w;
        w <- w - rate v, or, after Nesterov, w - rate (g + decay w + momentum v). G is used up, and
        nothing of its size is made: for millions of rows this is all about memory.
        """
        gradient, by_gradient, by_rows = terms
        # What stays may have a gradient that is not finite: it is replaced, not multiplied by 0.
        gradient.masked_fill_(~moves, 0).mul_(torch.where(moves, by_gradient, 1))
        gradient.addcmul_(rows, torch.where(moves, by_rows + self.weight_decay, 0))
        velocity.mul_(_where(moves, self.momentum, 1, rows)).add_(gradient)
        if self.nesterov:
            rows.sub_(gradient, alpha=self.learning_rate)
            rows.addcmul_(velocity, _where(moves, -self.learning_rate * self.momentum, 0, rows))
        else:
            rows.addcmul_(velocity, _where(moves, -self.learning_rate, 0, rows))


def _where(moves: Tensor, value: float, otherwise: float, like: Tensor) -> Tensor:
    """A column in the precision of `like`; torch.where of two numbers would be float32."""
    return torch.full_like(moves, otherwise, dtype=like.dtype).masked_fill_(moves, value)
