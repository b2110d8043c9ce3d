"""What a training run will take, from its parameters and the size of its data alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from training.config import TrainConfig
from training.cost.flops import HeadSize, num_parameters, train_flops_per_crop
from training.cost.memory import MemoryEstimate, estimate_memory
from training.errors import TrainingDataError
from training.loading.plan import StepPlan
from training.schedule import rate_share

SPEEDS: Final = (1_000, 4_000, 8_000)
"""Images a second for which hours are told: a laptop's GPU, one and a good one in a server."""
_MOST_PROCESSES: Final = 64


@dataclass(frozen=True, slots=True)
class Forecast:
    """Counts of a run."""

    config: TrainConfig
    num_classes: int
    num_crops: int
    processes: int

    @property
    def plan(self) -> StepPlan:
        """How crops fall into steps. Raises `TrainingDataError` where they do not fit."""
        batch, micro = self.config.batch_size, self.config.micro_batch_size
        return StepPlan(self.num_crops, batch, micro, self.processes)

    @property
    def num_steps(self) -> int:
        """Optimiser steps of the whole run."""
        return self.config.epochs * self.plan.steps_per_epoch

    @property
    def head(self) -> HeadSize:
        """The class matrix."""
        head = self.config.head
        return HeadSize(self.num_classes, head.sub_centres, head.sample_rate)

    @property
    def memory(self) -> MemoryEstimate:
        """Of one process."""
        return estimate_memory(
            self.config.network,
            self.head,
            batch_size=self.plan.batch_size,
            micro_batch_size=self.plan.micro_batch_size,
            world_size=self.processes,
            precision=self.config.amp,
        )

    def learning_rate(self, step: int) -> float:
        """At a step, from 0."""
        per_epoch = self.plan.steps_per_epoch
        warmup_steps = self.config.warmup_epochs * per_epoch
        share = rate_share(step, self.num_steps, warmup_steps, self.config.schedule)
        return self.config.learning_rate * share

    def world_sizes(self) -> list[int]:
        """Numbers of processes, up to 64, that can share a step."""
        return [size for size in range(1, _MOST_PROCESSES + 1) if self._fits(size)]

    def hours(self, images_per_s: float) -> float:
        """Of all steps at a speed."""
        return self.num_steps * self.plan.batch_size / images_per_s / 3600

    def lines(self) -> Iterator[str]:
        """All of it, to print."""
        config, plan = self.config, self.plan
        yield (
            f"network     {config.network.architecture}, {num_parameters(config.network):,}"
            f" parameters; head {config.head.kind}, {self.num_classes:,} classes,"
            f" {train_flops_per_crop(config.network, self.head) / 1e9:.2f} GFLOP an image"
        )
        yield (
            f"step        {plan.batch_size:,} images = {plan.accumulation} x"
            f" {plan.micro_batch_size} x {self.processes} processes; it fits"
            f" {', '.join(map(str, self.world_sizes()))} processes"
        )
        yield f"run         {plan.steps_per_epoch:,} steps an epoch, {self.num_steps:,} in all"
        yield f"rate        {', '.join(self._rates())}"
        hours = (f"{self.hours(speed):.1f} h at {speed:,} images/s" for speed in SPEEDS)
        yield f"time        {', '.join(hours)}, validation aside"
        yield "memory      of each process, without the device's libraries"
        yield from (f"  {line}" for line in self.memory.lines())

    def _rates(self) -> Iterator[str]:
        yield f"{self.learning_rate(0):.3g} at the first step"
        peak = max(self.learning_rate(step) for step in self._turns())
        yield f"{peak:.3g} at its highest"
        yield f"{self.learning_rate(self.num_steps - 1):.3g} at the last"

    def _turns(self) -> tuple[int, ...]:
        """Steps of which one has the highest rate: the first, and those where warm-up ends."""
        turn = int(self.config.warmup_epochs * self.plan.steps_per_epoch)
        return tuple(min(step, self.num_steps - 1) for step in (0, turn, turn + 1))

    def _fits(self, processes: int) -> bool:
        batch, micro = self.config.batch_size, self.config.micro_batch_size
        try:
            StepPlan(self.num_crops, batch, micro, processes)
        except TrainingDataError:
            return False
        return True
