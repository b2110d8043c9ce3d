"""How well a run uses its machine: images a second, MFU, time by part, memory. Numbers in and out.

MFU is the share of the device's peak arithmetic that the arithmetic of the model needs at the speed
measured (Chowdhery et al. 2022, PaLM, appendix B). It counts what the model asks for, once: work
that is done again to save memory is no merit.
"""

import os
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import torch

from training.config import TrainConfig
from training.cost.flops import HeadSize, train_flops_per_crop
from training.stopwatch import REST

_OWN_STATUS: Final = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Seconds of some steps by part; together the time they took."""

    data_wait_s: float
    """The device had nothing to do, for want of a batch."""
    forward_s: float
    """The network."""
    head_s: float
    """Class centres: margin, softmax, their gradient and, where apart, their update."""
    backward_s: float
    """Back through the network; with several processes also the exchange of gradients."""
    optimiser_s: float
    """Clipping and update of the network."""
    rest_s: float
    """Everything else."""

    @classmethod
    def of(cls, totals: Mapping[str, float]) -> Self:
        """Read the totals of a stopwatch."""
        return cls(
            data_wait_s=totals.get("data", 0.0),
            forward_s=totals.get("forward", 0.0),
            head_s=totals.get("head", 0.0),
            backward_s=totals.get("backward", 0.0),
            optimiser_s=totals.get("optimiser", 0.0),
            rest_s=totals.get(REST, 0.0),
        )

    @property
    def total_s(self) -> float:
        """All of it."""
        return float(sum(getattr(self, field.name) for field in fields(self)))

    @property
    def data_wait_share(self) -> float:
        """Share of the time that went into waiting for data; 0 where no time has passed."""
        return self.data_wait_s / self.total_s if self.total_s else 0.0

    def __sub__(self, earlier: Self) -> Self:
        """What came in between."""
        names = [field.name for field in fields(self)]
        return type(self)(**{name: getattr(self, name) - getattr(earlier, name) for name in names})

    def __truediv__(self, number: float) -> Self:
        """The share of one of `number` steps."""
        names = [field.name for field in fields(self)]
        return type(self)(**{name: getattr(self, name) / number for name in names})


def images_per_s(num_images: int, elapsed_s: float) -> float:
    """Images in a second; 0 where no time has passed."""
    return num_images / elapsed_s if elapsed_s > 0 else 0.0


def flops_per_crop(config: TrainConfig, num_classes: int) -> float:
    """FLOPs that training takes on one crop, with the head as configured."""
    size = HeadSize(num_classes, config.head.sub_centres, config.head.sample_rate)
    return train_flops_per_crop(config.network, size)


def mfu(
    images_per_s: float, train_flops_per_image: float, peak_flops_per_s: float | None
) -> float | None:
    """Share of the peak: images_per_s * train_flops_per_image / peak_flops_per_s.

    The FLOPs are those of forward and backward pass, network and head, two for each
    multiply-accumulate. The peak is that of all devices that the images are counted over. None
    where nobody knows it.
    """
    if peak_flops_per_s is None:
        return None
    return images_per_s * train_flops_per_image / peak_flops_per_s


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory so far: what torch has reserved of a GPU, or what the process held on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    with suppress(OSError):
        # getrusage is no help: on Linux a process starts with the figure of its parent.
        for line in _OWN_STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes


def total_memory_bytes(device: torch.device) -> int:
    """All memory there is: of the GPU, or of the machine."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
