"""Cross-entropy over classes that are cut over processes, equal to the dense one.

Each process has the logits of all embeddings with its own classes. Of these it tells the others,
for each embedding, the greatest and the sum of exponentials below it; from all of them follows the
whole denominator (log-sum-exp), and from that each process's own part of the gradient. Logits,
probabilities and gradient are one matrix, one after the other; autograd would keep three.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, NestedIOFunction

from training.heads.centres import StepCentres
from training.heads.config import HeadConfig
from training.heads.rule import MarginRule
from training.heads.shard_logits import ShardLogits
from training.world import World


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What a head says of a global micro-batch; the same on every process."""

    loss_sum: Tensor
    """Scalar, differentiable: sum of the cross-entropies with the margin."""
    num_correct: Tensor
    """Scalar int64: crops nearer to their own centre than to any other active one, no margin."""
    own_cosine_sum: Tensor
    """Scalar: sum of the cosines with the own centres, no margin."""
    num_samples: int
    """Crops of the global micro-batch."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the processes tell each other: of each embedding (n,), once gathered (W, n)."""

    own: Tensor
    """Logit of the own class without margin; 0 where it is elsewhere."""
    own_moved: Tensor
    """The same with the margin."""
    best_other: Tensor
    """Greatest logit of another class; -inf where there is none."""
    top: Tensor
    """Greatest logit with the margin; -inf where there is none."""
    total: Tensor
    """Sum of exp(logit - top)."""

    def gathered(self, world: World) -> "_Rows":
        rows = torch.stack([self.own, self.own_moved, self.best_other, self.top, self.total])
        return _Rows(*world.gather(rows[None]).unbind(1))

    def losses(self) -> Tensor:
        """(n,) cross-entropies, once gathered."""
        top = self.top.amax(0)
        # Not (top + log) - own: where the own logit is the top, the loss is in the log's digits.
        return self._log_sum(top) + (top - self.own_moved.sum(0))

    def shares(self, top: Tensor) -> Tensor:
        """(n,) exp(top - log-sum-exp of all logits), for the local `top`, once gathered."""
        highest = self.top.amax(0)
        return torch.exp(top - highest - self._log_sum(highest))

    def _log_sum(self, top: Tensor) -> Tensor:
        return torch.log((self.total * torch.exp(self.top - top)).sum(0))


class MarginSoftmax:
    """The loss of one kind of head on embeddings of unit length."""

    def __init__(self, config: HeadConfig, rule: MarginRule, world: World) -> None:
        self._config = config
        self._rule = rule
        self._world = world

    def __call__(
        self, unit: Tensor, norms: Tensor, labels: Tensor, centres: StepCentres, share: float
    ) -> HeadOutput:
        """Take unit embeddings (n, dim) of all processes, their raw norms (n,) and labels (n,).

        Backward gives `unit` this shard's part of the gradient, and adds to that of the centres.
        """
        scale = self._config.scale
        with torch.no_grad():
            logits = ShardLogits(unit * scale, labels, centres, self._config.sub_centres)
            rows, derivatives = self._solved(logits, norms, share)
            own = rows.own.sum(0)
            loss_sum = rows.losses().sum()
        return HeadOutput(
            loss_sum=_differentiable(unit, loss_sum, derivatives, scale, centres),
            num_correct=(own > rows.best_other.amax(0)).sum(),
            own_cosine_sum=own.sum() / scale,
            num_samples=len(labels),
        )

    def _solved(self, logits: ShardLogits, norms: Tensor, share: float) -> tuple[_Rows, Tensor]:
        """What all processes know of each row, and this one's derivatives by its logits."""
        scale, threshold = self._config.scale, self._config.filter_above_cosine
        own, best_other = logits.take_own(), logits.best()
        if threshold is not None:
            logits.leave_out_above(scale * threshold)
        moved, slopes = self._rule.with_slopes(own / scale, norms, share)
        moved *= scale
        top, total = logits.exponentiate(moved)
        rows = _Rows(own, logits.of_own(moved), best_other, top, total).gathered(self._world)
        # Of p - 1 all digits are kept where p is near 1.
        own_derivatives = torch.expm1(-rows.losses()) * slopes
        return rows, logits.differentiate(rows.shares(top), own_derivatives)


def _differentiable(
    unit: Tensor, loss_sum: Tensor, derivatives: Tensor, scale: float, centres: StepCentres
) -> Tensor:
    out: Tensor = _Differentiable.apply(  # type: ignore[no-untyped-call]  # torch's own
        unit, loss_sum, derivatives, scale, centres
    )
    return out


class _Differentiable(torch.autograd.Function):
    """A loss whose derivatives by the logits are known already."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        unit: Tensor,
        loss_sum: Tensor,
        derivatives: Tensor,
        scale: float,
        centres: StepCentres,
    ) -> Tensor:
        ctx.save_for_backward(unit, derivatives)
        ctx.scale, ctx.centres = scale, centres  # type: ignore[attr-defined]  # torch's way
        return loss_sum.clone()

    @staticmethod
    def backward(ctx: NestedIOFunction, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        unit, derivatives = ctx.saved_tensors
        factor = grad * ctx.scale  # type: ignore[attr-defined]
        centres: StepCentres = ctx.centres  # type: ignore[attr-defined]
        with torch.autocast(unit.device.type, enabled=False):
            centres.add_gradient(derivatives, unit * factor)
            return derivatives @ centres.unit * factor, None, None, None, None
