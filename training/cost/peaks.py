"""The most arithmetic that a device does in a second: by its data sheet, or measured."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch

from training.autocast import Precision

_TERA: Final = 1e12
_REPEATS: Final = 8


@dataclass(frozen=True, slots=True)
class Gpu:
    """Dense TFLOP/s of a GPU, sums in float32. Data sheets that print sparse figures are halved."""

    float16: float
    bfloat16: float | None
    """None where the tensor cores do not know it."""
    float32: float
    """Of float32 convolutions: TF32, which torch lets cuDNN take by default, or plain float32."""


GPUS: Final[Mapping[str, Gpu]] = MappingProxyType(
    {
        # NVIDIA V100 data sheet (2020): tensor 125 and 112, single precision 15.7 and 14.
        "V100 SXM2": Gpu(125, None, 15.7),
        "V100 PCIE": Gpu(112, None, 14),
        # NVIDIA T4 data sheet (2019): mixed precision 65, single 8.1.
        "T4": Gpu(65, None, 8.1),
        # NVIDIA A100 data sheet (2021): 312, TF32 156, in all forms.
        "A100 SXM4": Gpu(312, 312, 156),
        "A100 PCIE": Gpu(312, 312, 156),
        # NVIDIA A10 data sheet (2021): 125, TF32 62.5.
        "A10": Gpu(125, 125, 62.5),
        # NVIDIA L4 data sheet (2023): 242 and TF32 120, both sparse.
        "L4": Gpu(121, 121, 60),
        # NVIDIA L40 data sheet (2022): 181.05, TF32 90.5.
        "L40": Gpu(181.05, 181.05, 90.5),
        # NVIDIA L40S data sheet (2023): 362.05, TF32 183.
        "L40S": Gpu(362.05, 362.05, 183),
        # NVIDIA H100 data sheet (2023): sparse 1,979 (SXM), 1,513 (PCIe), 1,671 (NVL); TF32 half.
        "H100": Gpu(989.5, 989.5, 494.5),
        "H100 PCIE": Gpu(756.5, 756.5, 378),
        "H100 NVL": Gpu(835.5, 835.5, 417.5),
        # NVIDIA H200 data sheet (2024): sparse 1,979 (SXM), 1,671 (NVL); TF32 989 and 835.
        "H200": Gpu(989.5, 989.5, 494.5),
        "H200 NVL": Gpu(835.5, 835.5, 417.5),
        # NVIDIA HGX B200 data sheet (2024), each GPU: sparse 4,500, TF32 2,200.
        "B200": Gpu(2250, 2250, 1100),
        # NVIDIA Ampere GA102 whitepaper (2021), appendix A: 71 with float32 sums, TF32 35.6.
        "RTX 3090": Gpu(71, 71, 35.6),
        # NVIDIA Ada whitepaper (2022), appendix A: 165.2 with float32 sums, TF32 82.6.
        "RTX 4090": Gpu(165.2, 165.2, 82.6),
    }
)
"""By the name that the driver gives, without maker, brand and memory; SXM is what has no suffix."""


def peak_flops(device_name: str, precision: Precision) -> float | None:
    """FLOP/s of a whole GPU by the name that torch gives it, as in `NVIDIA H100 80GB HBM3`.

    None for a GPU that is not in `GPUS`, a slice of one (MIG), or a type that it has no fast
    arithmetic for: better no figure than that of another device.
    """
    gpu = GPUS.get(_model_of(device_name))
    if gpu is None:
        return None
    tera = {"fp16": gpu.float16, "bf16": gpu.bfloat16, "off": gpu.float32}[precision]
    return None if tera is None else tera * _TERA


def device_peak_flops(device: torch.device, precision: Precision) -> float | None:
    """`peak_flops` of a device; None for a CPU, whose peak depends on too much to be looked up."""
    if device.type != "cuda":
        return None
    return peak_flops(torch.cuda.get_device_name(device), precision)


def measured_peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the fastest of some square matrix products, with the threads that torch has now.

    What this machine can do at most by torch's own means; for devices that no data sheet is known
    of, above all CPUs. Takes a fraction of a second.
    """
    side = 8192 if device.type == "cuda" else 1024
    left = torch.ones(side, side, device=device, dtype=dtype)
    right = torch.ones(side, side, device=device, dtype=dtype)
    fastest_s = min(_elapsed_s(left, right) for _ in range(_REPEATS))
    return 2 * side**3 / fastest_s


def _model_of(device_name: str) -> str:
    words = re.split(r"[ -]", device_name.upper())
    brand = {"NVIDIA", "TESLA", "GEFORCE"}
    memory = re.compile(r"\d+GB|HBM3E?")
    return " ".join(word for word in words if word not in brand and not memory.fullmatch(word))


def _elapsed_s(left: torch.Tensor, right: torch.Tensor) -> float:
    _wait_for(left.device)
    start = time.perf_counter()
    torch.mm(left, right)
    _wait_for(left.device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
