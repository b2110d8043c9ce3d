"""On what a run ran, in words, and the energy it took where a GPU counts it."""

import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pynvml
import torch

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What every process of a run ran on."""

    device: str
    """Name of the GPU, or of the processor."""
    num_processes: int
    """They trained together, each on a device of its own or on a share of the cores."""
    num_threads: int
    """CPU threads of each process."""
    torch_version: str
    """With the build, such as `+cpu`."""


def hardware(device: torch.device, num_processes: int) -> Hardware:
    """Look at this machine."""
    return Hardware(device_name(device), num_processes, torch.get_num_threads(), torch.__version__)


def device_name(device: torch.device) -> str:
    """Name of a GPU, or of the processor, as its maker calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    with suppress(OSError):
        for line in _CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def energy_counter_j(device: torch.device) -> float | None:
    """Energy that a GPU has taken since its driver was loaded; None where nobody counts it.

    The energy of a run is the difference of two readings. It is that of the whole GPU, whoever
    used it, and of nothing else in the machine. GPUs count it since Volta.
    """
    if device.type != "cuda":
        return None
    try:
        pynvml.nvmlInit()
        # By UUID: CUDA_VISIBLE_DEVICES renumbers what torch sees, and not what NVML sees.
        uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
    except pynvml.NVMLError:
        return None
