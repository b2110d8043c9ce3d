import math

import pytest
import torch

from training.autocast import Precision
from training.cost.peaks import GPUS, measured_peak_flops, peak_flops


@pytest.mark.parametrize(
    ("device_name", "precision", "tera"),
    [
        ("Tesla V100-SXM2-32GB", "fp16", 125),
        ("Tesla V100-PCIE-16GB", "off", 14),
        ("Tesla T4", "fp16", 65),
        ("NVIDIA A100-SXM4-80GB", "bf16", 312),
        ("NVIDIA A100 80GB PCIe", "off", 156),
        ("NVIDIA A10", "bf16", 125),
        ("NVIDIA L4", "bf16", 121),
        ("NVIDIA L40S", "bf16", 362.05),
        ("NVIDIA H100 80GB HBM3", "bf16", 989.5),
        ("NVIDIA H100 PCIe", "bf16", 756.5),
        ("NVIDIA H200", "fp16", 989.5),
        ("NVIDIA B200", "bf16", 2250),
        ("NVIDIA GeForce RTX 3090", "fp16", 71),
        ("NVIDIA GeForce RTX 4090", "bf16", 165.2),
    ],
)
def test_gpu_is_found_by_the_name_its_driver_gives(
    device_name: str, precision: Precision, tera: float
) -> None:
    assert peak_flops(device_name, precision) == tera * 1e12


@pytest.mark.parametrize(
    "device_name",
    [
        "NVIDIA A10G",
        "NVIDIA H200 MIG 1g.18gb",
        "NVIDIA GeForce RTX 3090 Ti",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA H800",
        "cpu",
        "",
    ],
)
def test_another_gpu_or_a_slice_of_one_has_no_figure(device_name: str) -> None:
    assert peak_flops(device_name, "bf16") is None


def test_tensor_cores_without_bfloat16_have_no_figure_for_it() -> None:
    assert peak_flops("Tesla T4", "bf16") is None
    assert peak_flops("Tesla V100-SXM2-16GB", "bf16") is None


def test_16_bits_are_never_slower_than_32() -> None:
    assert all(gpu.float16 > gpu.float32 for gpu in GPUS.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_measured_peak_is_a_number_of_flops(dtype: torch.dtype) -> None:
    found = measured_peak_flops(torch.device("cpu"), dtype)
    assert math.isfinite(found)
    assert found > 0
