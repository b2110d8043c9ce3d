"""Where the time of a training step goes, and what the trainer costs beside its bare network.

    python -m benchmarks.train_step [--network demo|r50] [--batch 64] [--amp bf16] [--compile]
                                    [--device auto] [--rounds 9] [--steps 8] [--json FILE]

The trainer is `training.trainer.train` as the pipeline calls it, on random crops in memory. `bare`
is forward and backward of the same network on random tensors that lie on the device already: no
loader, no augmentation, no head, no optimiser. It takes its turn between the trainer's rows of
figures, so that a machine that is busy with other things is busy for both; what is given is the
median over the rounds of the ratio within a round.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import torch

from benchmarks.bare_network import BareNetwork
from pipelines.hardware import device_name
from pipelines.params import load_params
from training.config import TrainConfig
from training.cost.peaks import peak_flops
from training.loading.arrays import CropsU8, Rows
from training.loading.crop_sources import PackedCrops
from training.loading.training_data import TrainingData
from training.meter import EpochMetrics
from training.network.iresnet import IResNetConfig
from training.step_metrics import StepMetrics
from training.stopwatch import make_event
from training.throughput import StepTimes, flops_per_crop, mfu
from training.trainer import train
from training.world import alone

DEMO_PEOPLE: Final = 200
MS1MV3_PEOPLE: Final = 93_431
_NUM_STORED: Final = 512
_MARK_IMAGES_PER_S: Final = 8000
"""Of r50 on one H200: a model of its memory traffic gives 7,800 to 11,700, and nobody has published
a measurement."""


@dataclass(frozen=True)
class Found:
    """What `--json` writes. Medians over the rounds."""

    device: str
    cores: int
    threads: int
    network: str
    batch: int
    amp: str
    compile: bool
    num_classes: int
    rounds: int
    steps: int
    bare_images_per_s: float
    trainer_images_per_s: float
    trainer_of_bare: float
    """Median of the ratios of the rounds."""
    trainer_of_bare_least: float
    trainer_of_bare_most: float
    trainer_of_bare_by_cpu: float
    """The same of the seconds of all cores, which other programs do not stretch."""
    step_ms: dict[str, float]
    """Of one step, by part."""
    mfu: float | None
    """Of the data sheet's peak; None on a CPU, which has no data sheet for it."""


@dataclass(frozen=True)
class Turn:
    """What some steps took."""

    elapsed_s: float
    cpu_s: float
    """Of all threads of this process."""


class Turns:
    """Listens to the trainer; after each of its rows the bare network takes as many steps."""

    def __init__(self, bare: BareNetwork, num_steps: int, device: torch.device) -> None:
        self._bare, self._num_steps, self._device = bare, num_steps, device
        self._bare_turn: Turn | None = None
        self._began_cpu_s = 0.0
        self.bare: list[Turn] = []
        self.trainer: list[Turn] = []
        self.times: list[StepTimes] = []

    def on_steps(self, metrics: StepMetrics) -> None:
        """Note a row, less the bare network's turn in it; the first row only warms up."""
        if self._bare_turn is not None:
            times = metrics.times
            own = replace(times, rest_s=times.rest_s - self._bare_turn.elapsed_s)
            self.bare.append(self._bare_turn)
            self.trainer.append(Turn(own.total_s, time.process_time() - self._began_cpu_s))
            self.times.append(own)
        self._bare_turn = timed(lambda: self._bare.run(self._num_steps), self._device)
        self._began_cpu_s = time.process_time()

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """Epochs are of no interest here."""


class RepeatedCrops(PackedCrops):
    """A few crops that stand for many, so that a set of any size fits into memory."""

    def __init__(self, num_crops: int) -> None:
        self._num_crops = num_crops
        crops = np.random.default_rng(0).integers(0, 256, (_NUM_STORED, 112, 112, 3), np.uint8)
        super().__init__(crops, "random crops")

    def __len__(self) -> int:
        return self._num_crops

    def read_into(self, rows: Rows, crops_rgb_u8: CropsU8) -> None:
        """Write crops of rows (k,) into an array (k, 112, 112, 3)."""
        super().read_into(rows % _NUM_STORED, crops_rgb_u8)


def timed(work: Callable[[], None], device: torch.device) -> Turn:
    """Time of the device from before `work` to its end."""
    start, end = make_event(device), make_event(device)
    cpu_s = time.process_time()
    start.record()
    work()
    end.record()
    end.synchronize()
    return Turn(start.elapsed_time(end) / 1000, time.process_time() - cpu_s)


def measure(config: TrainConfig, network: str, num_classes: int, rounds: int) -> Found:
    """Let both take turns; a round has `log_every_steps` steps of each."""
    world = alone(config.device)
    steps = config.log_every_steps
    bare = BareNetwork(config, world.device)
    bare.run(2)  # allocates, chooses kernels, compiles
    turns = Turns(bare, steps, world.device)
    num_crops = max(steps * config.batch_size, num_classes)
    labels = np.arange(num_crops, dtype=np.int64) % num_classes
    data = TrainingData(RepeatedCrops(num_crops), labels)
    train(config, data, world, turns, stop_after_steps=(rounds + 1) * steps)
    pairs = list(zip(turns.bare, turns.trainer, strict=True))
    ratios = [bare.elapsed_s / trainer.elapsed_s for bare, trainer in pairs]
    images = steps * config.batch_size
    speed = images / median(turn.elapsed_s for turn in turns.trainer)
    return Found(
        device=device_name(world.device),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        network=network,
        batch=config.batch_size,
        amp=config.amp,
        compile=config.compile,
        num_classes=num_classes,
        rounds=rounds,
        steps=steps,
        bare_images_per_s=images / median(turn.elapsed_s for turn in turns.bare),
        trainer_images_per_s=speed,
        trainer_of_bare=median(ratios),
        trainer_of_bare_least=min(ratios),
        trainer_of_bare_most=max(ratios),
        trainer_of_bare_by_cpu=median(bare.cpu_s / trainer.cpu_s for bare, trainer in pairs),
        step_ms=_medians_ms([times / steps for times in turns.times]),
        mfu=_mfu(config, world.device, num_classes, speed),
    )


def print_table(found: Found) -> None:
    """Print what was found."""
    compiled = ", compiled" if found.compile else ""
    print(
        f"training step: {found.network}, batch {found.batch}, {found.amp}{compiled},"
        f" {found.num_classes} people, {found.threads} threads, {found.device}"
    )
    total_ms = sum(found.step_ms.values())
    for part, part_ms in found.step_ms.items():
        print(f"{part:<10} {part_ms:9.2f} ms {part_ms / total_ms:6.1%}")
    print(f"bare network, forward and backward: {found.bare_images_per_s:.1f} images/s")
    print(
        f"trainer: {found.trainer_images_per_s:.1f} images/s, {found.trainer_of_bare:.1%} of bare"
        f" ({found.trainer_of_bare_least:.1%} to {found.trainer_of_bare_most:.1%} in"
        f" {found.rounds} rounds of {found.steps} steps);"
        f" {found.trainer_of_bare_by_cpu:.1%} by CPU time"
    )
    if found.mfu is not None:
        share = found.trainer_images_per_s / _MARK_IMAGES_PER_S
        print(f"MFU {found.mfu:.1%}; {share:.0%} of {_MARK_IMAGES_PER_S} images/s")


def config_of(
    network: str, batch: int, changes: dict[str, object], rounds: int, steps: int
) -> TrainConfig:
    """The demo's recipe with another network and batch; an epoch is a round, the first warms up."""
    demo = load_params(Path("params.yaml")).train.model_dump()
    demo["validation"]["share"] = 0.0
    if network == "r50":
        demo["network"] = IResNetConfig().model_dump()
    run = {"batch_size": batch, "epochs": rounds + 1, "log_every_steps": steps}
    return TrainConfig.model_validate(demo | run | changes)


def bench(rounds: int = 9, steps: int = 8) -> None:
    """Measure the demo's step and print it: a part of `make bench`."""
    print_table(measure(config_of("demo", 64, {}, rounds, steps), "demo", DEMO_PEOPLE, rounds))


def _medians_ms(times: list[StepTimes]) -> dict[str, float]:
    names = [field.name for field in fields(StepTimes)]
    return {
        name.removesuffix("_s"): 1000 * median(getattr(one, name) for one in times)
        for name in names
    }


def _mfu(config: TrainConfig, device: torch.device, num_classes: int, speed: float) -> float | None:
    if device.type != "cuda":
        return None
    peak = peak_flops(torch.cuda.get_device_name(device), config.amp)
    return mfu(speed, flops_per_crop(config, num_classes), peak)


def main() -> None:
    """Read the command line, measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="time the trainer's step and its bare network")
    parser.add_argument("--network", choices=("demo", "r50"), default="demo")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--classes", type=int, help="default: 200, or those of MS1MV3 for r50")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--amp", choices=("bf16", "fp16", "off"), default="bf16")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=8, help="of each round")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    changes = {"amp": given.amp, "device": given.device, "compile": given.compile}
    config = config_of(given.network, given.batch, changes, given.rounds, given.steps)
    default = MS1MV3_PEOPLE if given.network == "r50" else DEMO_PEOPLE
    found = measure(config, given.network, given.classes or default, given.rounds)
    print_table(found)
    if given.json:
        given.json.write_text(json.dumps(asdict(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
