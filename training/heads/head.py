"""The head: class centres cut over processes, the loss over them, and how they learn."""

import torch
from torch import Tensor, nn

from training.checkpoints.state import RowShard
from training.heads.centres import StepCentres
from training.heads.config import HeadConfig
from training.heads.directions import directions
from training.heads.exchange import gathered
from training.heads.row_update import SgdStep
from training.heads.rule import MarginRule
from training.heads.sampling import draw_classes
from training.heads.shard import first_centres, shard_of
from training.heads.softmax import HeadOutput, MarginSoftmax
from training.world import World


class MarginHead(nn.Module):
    """A softmax with a margin over class centres, of which each process holds a run of rows.

    One optimiser step is `begin_step`, then `forward` and backward for each micro-batch, then
    `update`. Everything but the order of summation is the same for any number of processes. The
    centres are buffers with an update of their own, since only active rows may move and no process
    has them all; no optimiser and no DistributedDataParallel should see them.
    """

    weight: Tensor
    """(classes of this process * sub_centres, dim) float32; the centres of a class are adjacent."""
    velocity: Tensor
    """As `weight`: the momentum buffer of SGD."""

    def __init__(
        self, num_classes: int, embedding_dim: int, config: HeadConfig, world: World, seed: int
    ) -> None:
        """Draw the centres; `seed` also keys the classes that Partial FC draws in each step."""
        super().__init__()
        self.config = config
        self.shard = shard_of(num_classes, world)
        self._seed = seed
        self._world = world
        self._rule = MarginRule(config)
        self._softmax = MarginSoftmax(config, self._rule, world)
        self._step: StepCentres | None = None
        num_sub = config.sub_centres
        first_row, num_rows = self.shard.first_class * num_sub, self.shard.num_classes * num_sub
        weight = first_centres(first_row, num_rows, embedding_dim, seed)
        self.register_buffer("weight", weight)
        self.register_buffer("velocity", torch.zeros_like(weight))
        self.to(world.device)

    @torch.no_grad()
    def begin_step(self, labels: Tensor, step: int) -> None:
        """Choose the classes of a step, from its labels (B,) on all processes together."""
        draw = None
        if self.config.sample_rate < 1 and self.shard.num_classes:
            draw = draw_classes(labels, self.shard, self.config.sample_rate, self._seed, step)
        self._step = StepCentres(self.weight, self.shard, self.config.sub_centres, draw)
        self._rule.begin_step()

    def forward(self, embeddings: Tensor, labels: Tensor, margin_share: float = 1.0) -> HeadOutput:
        """Loss of the global micro-batch, with `margin_share` of the margin.

        Takes this process's raw embeddings (m, dim) and the labels (W m,) of all, in order of rank,
        which must be among those of `begin_step`.
        Backward gives the embeddings the gradient of the whole sum, reduced over all processes, and
        adds to that of the active centres; it must be called once for each forward. Computes in
        the centres' float32, whatever autocast says: bf16 knows no angle below about 7 degrees.
        """
        with torch.autocast(embeddings.device.type, enabled=False):
            whole = gathered(embeddings.to(self.weight.dtype), self._world)
            unit = directions(whole)
            norms = whole.detach().norm(dim=1)
            return self._softmax(unit, norms, labels, self._active(), margin_share)

    @torch.no_grad()
    def grad_square_sum(self) -> Tensor:
        """Scalar: sum of squares of this process's gradient, still scaled, after all backwards."""
        return self._active().square_sum()

    @torch.no_grad()
    def update(
        self,
        *,
        learning_rate: float,
        momentum: float,
        nesterov: bool,
        weight_decay: float,
        grad_scale: Tensor,
        found_inf: Tensor,
    ) -> None:
        """End the step: SGD on the active centres, with their gradient divided by `grad_scale`.

        Where `found_inf` (a scalar, on the device) is not 0, nothing changes. Weight decay and
        momentum reach active centres only, as in the published code; the others stay untouched.
        """
        self._rule.end_step(found_inf)
        if self.shard.num_classes:
            sgd = SgdStep(learning_rate, momentum, nesterov, weight_decay)
            self._move(self._active(), sgd, grad_scale, found_inf == 0)
        self._step = None

    def state(self) -> dict[str, Tensor | RowShard]:
        """What a resumed run needs: saved, or loaded in place, in any number of processes."""
        num_sub = self.config.sub_centres
        first_row = self.shard.first_class * num_sub
        num_rows = self.shard.num_classes_in_all * num_sub
        return {
            "weight": RowShard(self.weight, first_row, num_rows),
            "velocity": RowShard(self.velocity, first_row, num_rows),
            **self._rule.state_dict(),
        }

    def _active(self) -> StepCentres:
        if self._step is None:
            raise RuntimeError("begin_step has to come before this")
        return self._step

    def _move(
        self, active: StepCentres, sgd: SgdStep, grad_scale: Tensor, is_sound: Tensor
    ) -> None:
        terms = active.gradient_terms(grad_scale)
        drawn = active.drawn
        if drawn is None:
            sgd.move(self.weight, self.velocity, terms, is_sound.view(1, 1))
            return
        weight, velocity = self.weight[drawn.rows], self.velocity[drawn.rows]
        sgd.move(weight, velocity, terms, drawn.is_active & is_sound)
        self.weight.index_copy_(0, drawn.rows, weight)
        self.velocity.index_copy_(0, drawn.rows, velocity)
