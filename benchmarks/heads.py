"""Time and memory of a head's step at the published numbers of classes, against the plain way.

    python -m benchmarks.heads [--batch 128] [--repeats 5] [--threads 1] [--classes 93431]

`ours` is `training.heads`, `plain` the same ArcFace loss as autograd and `torch.optim.SGD` do it on
the whole matrix. One row for each: milliseconds of forward and backward (the median), of the update
after it, and peak memory beyond the centres, their momentum and the batch. Each is measured in a
process of its own: on a GPU by the wall clock, on a CPU in processor time of all threads, which
other work on the machine disturbs less.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import psutil
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.heads.config import ArcFaceConfig
from training.heads.head import MarginHead
from training.heads.margins import angular_margin
from training.world import alone

DIM: Final = 512
SGD: Final = {"momentum": 0.9, "weight_decay": 5e-4}
MS1MV3, GLINT360K = 93_431, 360_232
RUNS: Final = (
    ("plain", MS1MV3, 1.0),
    ("ours", MS1MV3, 1.0),
    ("plain", GLINT360K, 1.0),
    ("ours", GLINT360K, 1.0),
    ("ours", GLINT360K, 0.1),
)


@dataclass(frozen=True)
class Run:
    """What is measured, and how."""

    way: str
    num_classes: int
    sample_rate: float
    batch_size: int
    repeats: int
    threads: int


@dataclass(frozen=True)
class Figures:
    """What it took."""

    pass_ms: float
    update_ms: float
    peak_mib: float


class Ours:
    """A step of `MarginHead`."""

    def __init__(self, run: Run) -> None:
        config = ArcFaceConfig(sample_rate=run.sample_rate)
        self._head = MarginHead(run.num_classes, DIM, config, alone(), seed=0)
        self._step = 0

    def forward_backward(self, raw: Tensor, labels: Tensor) -> None:
        """Draw, loss, and all gradients."""
        self._head.begin_step(labels, self._step)
        (self._head(raw, labels).loss_sum / len(raw)).backward()
        self._step += 1

    def update(self) -> None:
        """Move the centres."""
        one, zero = torch.ones((), device=alone().device), torch.zeros((), device=alone().device)
        self._head.update(learning_rate=0.1, nesterov=False, grad_scale=one, found_inf=zero, **SGD)


class Plain:
    """The same through autograd, on the whole matrix."""

    def __init__(self, run: Run) -> None:
        weight = torch.empty(run.num_classes, DIM, device=alone().device).normal_(0, 0.01)
        self._weight = nn.Parameter(weight)
        self._optimiser = torch.optim.SGD([self._weight], 0.1, **SGD)  # type: ignore[arg-type]
        self._optimiser.state[self._weight]["momentum_buffer"] = torch.zeros_like(weight)

    def forward_backward(self, raw: Tensor, labels: Tensor) -> None:
        """Loss and all gradients."""
        self._optimiser.zero_grad()
        cosines = functional.linear(functional.normalize(raw), functional.normalize(self._weight))
        own = angular_margin(cosines.gather(1, labels[:, None]), 0.5)
        logits = 64 * cosines.scatter(1, labels[:, None], own)
        functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Move the centres."""
        self._optimiser.step()


def measure(run: Run) -> Figures:
    """Do a step some times, in this process."""
    torch.set_num_threads(run.threads)
    device = alone().device
    way = Ours(run) if run.way == "ours" else Plain(run)
    raw = torch.randn(run.batch_size, DIM, device=device, requires_grad=True)
    labels = torch.randint(run.num_classes, (run.batch_size,), device=device)
    before = _restart_peak(device)
    times = [
        (_timed(lambda: way.forward_backward(raw, labels), device), _timed(way.update, device))
        for _ in range(run.repeats + 1)
    ]
    peak_mib = (_peak_bytes(device) - before) / 2**20
    # The first warms up.
    pass_s, update_s = (statistics.median(column) for column in zip(*times[1:], strict=True))
    return Figures(1e3 * pass_s, 1e3 * update_s, peak_mib)


def _timed(work: Callable[[], None], device: torch.device) -> float:
    if device.type == "cuda":
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    work()
    return time.process_time() - start


def _restart_peak(device: torch.device) -> int:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    # Linux: 5 sets the high-water mark back to what is held now.
    Path("/proc/self/clear_refs").write_text("5")
    return int(psutil.Process().memory_info().rss)


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text().splitlines()
    (mark,) = (line for line in status if line.startswith("VmHWM"))
    return int(mark.split()[1]) * 1024


def print_table(batch_size: int, repeats: int, threads: int, most_classes: int) -> None:
    """Measure, and print a Markdown table."""
    print(f"\nHead, batch {batch_size}, {DIM} numbers, float32, {alone().device.type}")
    print("| way | classes | sampled | forward + backward ms | update ms | peak MiB |")
    print("|---|---|---|---|---|---|")
    for way, num_classes, rate in RUNS:
        if num_classes <= most_classes:
            run = Run(way, num_classes, rate, batch_size, repeats, threads)
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                found = pool.submit(measure, run).result()
            print(
                f"| {way} | {num_classes} | {rate:g} | {found.pass_ms:.0f} | {found.update_ms:.0f}"
                f" | {found.peak_mib:.0f} |"
            )


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description="time and memory of a head's step")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--classes", type=int, default=GLINT360K, help="leave out what has more")
    options = parser.parse_args()
    print_table(options.batch, options.repeats, options.threads, options.classes)


if __name__ == "__main__":
    main()
