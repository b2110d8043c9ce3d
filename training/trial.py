"""A few real training steps on random crops: how fast they are and what memory they take."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from data.face import CROP_SIZE_PX
from training.augmentation.augment import draw
from training.augmentation.pixels import to_network_input
from training.config import TrainConfig
from training.cost.peaks import device_peak_flops, measured_peak_flops
from training.loading.batches import MicroBatch, StepBatch
from training.network.iresnet import IResNet
from training.step import StepSettings, TrainingStep
from training.stopwatch import Stopwatch, make_event, stopwatch
from training.threads import torch_threads
from training.throughput import (
    StepTimes,
    flops_per_crop,
    mfu,
    peak_memory_bytes,
    total_memory_bytes,
)
from training.world import World, alone

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "off": torch.float32}


class Trial(BaseModel):
    """What is tried, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: TrainConfig
    """Batch, precision, network, head, device: as a training run would have them."""
    num_classes: int = Field(ge=2)
    """People in the head."""
    num_steps: int = Field(ge=1)
    """Steps that are timed."""
    num_warmup_steps: int = Field(ge=1)
    """Steps before them: the first ones allocate, choose kernels and compile."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What was found."""

    step_s: float
    """Median of the steps that were timed."""
    images_per_s: float
    """Crops of a batch over `step_s`."""
    times: StepTimes
    """Mean of a step, by part; no data is waited for."""
    mfu: float | None
    """Of the data sheet's peak on a GPU, of the fastest matrix product measured on a CPU."""
    peak_memory_bytes: int
    """Of the device: all that was held at the fullest moment."""
    total_memory_bytes: int
    """Of the device: all there is."""


def run_trial(trial: Trial) -> TrialResult:
    """Take the steps in this process. Raises what torch raises where memory runs out."""
    config = trial.config
    with torch_threads(config.threads):
        world = alone(config.device)
        watch = stopwatch(world.device)
        step = _step(trial, world, watch)
        for _ in range(trial.num_warmup_steps):
            step()
        before = StepTimes.of(watch.totals())
        durations_s = _timed(step, trial.num_steps, world.device)
        times = StepTimes.of(watch.totals()) - before
        step_s = median(durations_s)
        speed = config.batch_size / step_s
        flops = flops_per_crop(config, trial.num_classes)
        return TrialResult(
            step_s=step_s,
            images_per_s=speed,
            times=times / trial.num_steps,
            mfu=mfu(speed, flops, _peak_flops(config, world.device)),
            peak_memory_bytes=peak_memory_bytes(world.device),
            total_memory_bytes=total_memory_bytes(world.device),
        )


def _timed(step: Callable[[], object], num_steps: int, device: torch.device) -> list[float]:
    """Seconds of each step, read only after the last one: the device never runs dry in between."""
    marks = [make_event(device) for _ in range(num_steps + 1)]
    marks[0].record()
    for mark in marks[1:]:
        step()
        mark.record()
    marks[-1].synchronize()
    return [a.elapsed_time(b) / 1000 for a, b in pairwise(marks)]


def _step(trial: Trial, world: World, watch: Stopwatch) -> Callable[[], object]:
    """One step of the trainer, always on the same random crops."""
    config = trial.config
    torch.manual_seed(config.seed)
    step = TrainingStep(config, IResNet(config.network), trial.num_classes, world, watch)
    batch = random_batch(config, trial.num_classes, world.device)
    settings = StepSettings(learning_rate=config.learning_rate, margin_share=1.0)
    return lambda: step.run(batch, settings)


def random_batch(config: TrainConfig, num_classes: int, device: torch.device) -> StepBatch:
    """A batch of noise of random classes, all in one micro-batch, on a device."""
    size = (config.batch_size, CROP_SIZE_PX, CROP_SIZE_PX, 3)
    labels = torch.randint(0, num_classes, size[:1], device=device)
    rows = np.arange(config.batch_size)
    draws = draw(config.augmentation, config.seed, 0, rows)
    crops_rgb_u8 = torch.randint(0, 256, size, dtype=torch.uint8, device=device)
    micro = MicroBatch(
        crops_rgb_u8=crops_rgb_u8,
        crops=to_network_input(crops_rgb_u8),
        labels=labels,
        round_labels=labels,
        draws=draws.moved(lambda tensor: tensor.to(device)),
        rows=rows,
    )
    return StepBatch(step=0, epoch=0, labels=labels, micro=(micro,))


def _peak_flops(config: TrainConfig, device: torch.device) -> float | None:
    if device.type == "cuda":
        return device_peak_flops(device, config.amp)
    return measured_peak_flops(device, _DTYPES[config.amp])
