"""One step of the optimiser: micro-batches forward and backward, then one update of everything.

Whatever the number of processes and however a batch is cut, a step computes the same: gradients are
sums over the global batch divided by its size, clipped by their norm over body and all shards of
the head, and running statistics move once (docs/architecture.md, "Training").
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor, distributed, nn
from torch._C._distributed_c10d import GradBucket
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import get_total_norm

from training.autocast import autocast
from training.config import TrainConfig
from training.heads.head import MarginHead
from training.heads.softmax import HeadOutput
from training.loading.batches import MicroBatch, StepBatch
from training.loss_scale import SMALLEST, LossScale
from training.network.iresnet import IResNet
from training.optimiser import build_optimiser, set_learning_rate
from training.running_statistics import RunningStatistics
from training.stopwatch import Stopwatch
from training.world import World, lost_ranks_named

_SPREAD: Final = 0x9E3779B97F4A7C15  # so that neighbouring seeds share no micro-batch's mask


@dataclass(frozen=True, slots=True)
class StepSettings:
    """What follows from the number of the step."""

    learning_rate: float
    margin_share: float
    """Share of the head's margin that is in force."""


@dataclass(frozen=True, slots=True)
class StepValues:
    """Scalars of one step over the global batch, still on the device."""

    loss: Tensor
    accuracy: Tensor
    feature_norm: Tensor
    grad_norm: Tensor
    """Before clipping; not finite in a step that float16 overflowed in."""
    is_healthy: Tensor
    """Whether this and all steps before it were; once false, no step changes anything."""


class TrainingStep:
    """The network, its head, and what moves them."""

    def __init__(
        self, config: TrainConfig, model: IResNet, num_classes: int, world: World, watch: Stopwatch
    ) -> None:
        """Put model and head on the device of `world`; all processes give the same weights."""
        self.config, self.world, self.watch = config, world, watch
        # torch's stub knows `memory_format` only together with a dtype.
        self.model: IResNet = model.to(world.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model.train()
        self.statistics = RunningStatistics(self.model)
        self.head = MarginHead(
            num_classes, config.network.embedding_dim, config.head, world, config.seed
        )
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = build_optimiser(self.parameters, config)
        self._scales = config.amp == "fp16"
        self.loss_scale = LossScale(world.device, enabled=self._scales)
        self.is_healthy = torch.ones((), dtype=torch.bool, device=world.device)
        self._body = _body(self.model, config, world)

    def run(self, batch: StepBatch, settings: StepSettings) -> StepValues:
        """Take one step. Nothing in here waits for the device."""
        self.head.begin_step(batch.labels, batch.step)
        self.optimiser.zero_grad(set_to_none=True)
        sums = torch.zeros(3, device=self.world.device)
        num_groups = len(batch.micro) * self.world.size
        for index, micro in enumerate(batch.micro):
            self._key_dropout(batch.step * num_groups + index * self.world.size + self.world.rank)
            with self._exchange_if(last=micro is batch.micro[-1]):
                sums += self._micro_batch(micro, len(batch.labels), settings.margin_share)
        with self.watch.part("optimiser"):
            return self._update(sums, len(batch.labels), num_groups, settings)

    def _key_dropout(self, group: int) -> None:
        """Make what is dropped a function of seed and micro-batch, counted over the whole run."""
        if self.config.network.dropout:
            torch.manual_seed((self.config.seed * _SPREAD + group) % 2**63)

    def _micro_batch(self, micro: MicroBatch, num_crops: int, margin_share: float) -> Tensor:
        """Add the gradients of a micro-batch; returns its loss, hits and feature norms, summed."""
        with self.watch.part("forward"), autocast(self.world.device, self.config.amp):
            embeddings = self._body(micro.crops)
        self.statistics.add()
        with self.watch.part("head"):
            # Cut off from the body, so that the two backward passes can be timed by themselves.
            features = embeddings.detach().requires_grad_()
            found: HeadOutput = self.head(features, micro.round_labels, margin_share)
            (found.loss_sum * (self.loss_scale.value / num_crops)).backward()  # type: ignore[no-untyped-call]  # torch's own
        with self.watch.part("backward"), lost_ranks_named(self.world):
            embeddings.backward(features.grad)
        norms = features.detach().norm(dim=1).sum()
        return torch.stack([found.loss_sum.detach().float(), found.num_correct.float(), norms])

    def _update(
        self, sums: Tensor, num_crops: int, num_groups: int, settings: StepSettings
    ) -> StepValues:
        own = torch.stack([self.head.grad_square_sum().float(), sums[2]])
        shared = self.world.sum(torch.cat([self.statistics.sum, own]))
        body_norm = get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        grad_norm = (body_norm.square() + shared[-2]).sqrt() / self.loss_scale.value
        loss = sums[0] / num_crops
        overflowed = ~torch.isfinite(grad_norm)
        self.is_healthy &= torch.isfinite(loss) & ~self._is_lost(overflowed)
        stays = overflowed | ~self.is_healthy
        self._move(grad_norm, stays, settings.learning_rate)
        self.statistics.move(shared[:-2], num_groups, stays=~self.is_healthy)
        self.loss_scale.update(overflowed)
        return StepValues(
            loss, sums[1] / num_crops, shared[-1] / num_crops, grad_norm, self.is_healthy.clone()
        )

    def _is_lost(self, overflowed: Tensor) -> Tensor:
        """Whether an overflow is more than float16's range, which a smaller scale would mend."""
        return overflowed & (self.loss_scale.value <= SMALLEST) if self._scales else overflowed

    def _move(self, grad_norm: Tensor, stays: Tensor, learning_rate: float) -> None:
        """Update everything that is trained. Gradients are unscaled and clipped by one division."""
        excess = (grad_norm / self.config.grad_clip_norm).clamp(min=1.0)
        divisor = self.loss_scale.value * torch.where(stays, 1.0, excess)
        set_learning_rate(self.optimiser, learning_rate)
        # torch's fused SGD takes both from these attributes, as GradScaler does it.
        self.optimiser.grad_scale, self.optimiser.found_inf = divisor, stays.float()  # type: ignore[attr-defined]
        self.optimiser.step()
        self.head.update(
            learning_rate=learning_rate,
            momentum=self.config.momentum,
            nesterov=self.config.nesterov,
            weight_decay=self.config.weight_decay,
            grad_scale=divisor,
            found_inf=stays.float(),
        )

    def _exchange_if(self, *, last: bool) -> AbstractContextManager[None]:
        """Gradients of the body go over the processes once a step, with the last micro-batch."""
        if last or not isinstance(self._body, DistributedDataParallel):
            return nullcontext()
        return cast("AbstractContextManager[None]", self._body.no_sync())


def _body(model: IResNet, config: TrainConfig, world: World) -> nn.Module:
    compiled = cast("nn.Module", torch.compile(model)) if config.compile else model
    if world.size == 1:
        return compiled
    body = DistributedDataParallel(
        compiled,
        device_ids=[world.device.index] if world.device.type == "cuda" else None,
        forward_sync_buffers=False,
        gradient_as_bucket_view=True,
    )
    body.register_comm_hook(None, _sum)
    return body


def _sum(_state: object, bucket: GradBucket) -> Future[Tensor]:
    """Add gradients up; torch would take their mean, and ours are parts of one sum already."""
    work = distributed.all_reduce(bucket.buffer(), async_op=True)
    return cast("Future[Tensor]", work.get_future().then(lambda done: done.value()[0]))
