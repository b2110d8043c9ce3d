"""How many crops a second a small iResNet is trained on, by size, precision and memory layout.

    python benchmarks/train_throughput.py [--threads 2] [--batch 64] [--steps 5]

One step is forward, backward and update on random crops; loading and augmentation are not in it.
`crops/s` takes the quickest step by the wall clock, `crops/cpu-s` divides by the seconds of all
cores, which also tells something on a busy machine.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Literal

import torch

from training.arcface import ArcFaceHead
from training.config import TrainConfig
from training.iresnet import IResNet, IResNetConfig
from training.optimiser import build_optimiser, trainable

Sizes = tuple[int, int, int, int]

DEPTHS: tuple[Sizes, ...] = ((1, 1, 1, 1), (1, 2, 2, 1))
WIDTHS: tuple[Sizes, ...] = ((16, 32, 64, 128), (24, 48, 96, 192), (32, 64, 128, 256))
NUM_CLASSES = 200


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    network: IResNetConfig
    amp: Literal["bf16", "off"]
    channels_last: bool


@dataclass(frozen=True)
class Speed:
    """Quickest step of a setting."""

    per_s: float
    per_cpu_s: float


def measure(setting: Setting, batch: int, steps: int) -> Speed:
    """Time whole training steps after one to warm up."""
    torch.manual_seed(0)
    config = TrainConfig(network=setting.network, amp=setting.amp)
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    model = IResNet(config.network)
    model.to(memory_format=layout)  # type: ignore[call-overload]  # the stub wants a dtype too
    head = ArcFaceHead(NUM_CLASSES, config.network.embedding_dim, config.head)
    optimiser = build_optimiser(trainable([model, head]), config)
    crops = (torch.rand(batch, 3, 112, 112) * 2 - 1).contiguous(memory_format=layout)
    labels = torch.randint(0, NUM_CLASSES, (batch,))
    wall_s, cpu_s = [], []
    for _ in range(steps + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.amp == "bf16"):
            embeddings = model(crops)
        loss = head.loss(head(embeddings), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    return Speed(batch / min(wall_s[1:]), batch / min(cpu_s[1:]))


def print_table(batch: int, steps: int) -> None:
    """Measure every setting and print a row for each."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {batch}")
    columns = f"{'depths':<14} {'widths':<20} {'amp':<5} {'channels':<8}"
    print(f"{columns} {'crops/s':>8} {'crops/cpu-s':>12}")
    for depths in DEPTHS:
        for widths in WIDTHS:
            network = IResNetConfig(depths=depths, widths=widths, embedding_dim=256)
            for amp in ("bf16", "off"):
                for last in (True, False):
                    speed = measure(Setting(network, amp, last), batch, steps)
                    name = "last" if last else "first"
                    row = f"{depths!s:<14} {widths!s:<20} {amp:<5} {name:<8}"
                    print(f"{row} {speed.per_s:8.1f} {speed.per_cpu_s:12.1f}", flush=True)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="time training steps of small networks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print_table(options.batch, options.steps)


if __name__ == "__main__":
    main()
