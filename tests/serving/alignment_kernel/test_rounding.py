"""The last rounding, of numpy and of the kernel, against PyTorch's, ties included."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from serving.alignment_kernel.formats import OutputFormat, Precision
from serving.alignment_kernel.rounding import store
from tests.serving.alignment_kernel.host_program import HostProgram

TORCH = {"f16": torch.float16, "bf16": torch.bfloat16}


def _hard_numbers() -> NDArray[np.float32]:
    """In [-1, 1]: any numbers, the ties of both 16-bit formats, and the ties' neighbours."""
    rng = np.random.default_rng(4)
    bits = rng.integers(0, 0x3F80_0001, 30_000, dtype=np.int32)
    ties = np.concatenate([bits & ~0xFFFF | 0x8000, bits & ~0x1FFF | 0x1000])
    positive = np.concatenate([bits, ties, ties - 1, ties + 1, np.zeros(6, np.int32)])
    positive = positive[positive <= 0x3F80_0000][: len(positive) // 12 * 12]
    numbers = positive.view(np.float32)
    both = np.concatenate([numbers, -numbers])
    return both[: len(both) // 12 * 12].reshape(1, -1, 2, 3)


def _by_torch(numbers: NDArray[np.float32], precision: Precision) -> NDArray[np.uint16]:
    rounded = torch.from_numpy(numbers).to(TORCH[precision])
    return rounded.view(torch.int16).numpy().view(np.uint16)


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_reference_rounds_as_torch(precision: Precision) -> None:
    numbers = _hard_numbers()
    got = store(numbers, OutputFormat("nhwc", precision))
    np.testing.assert_array_equal(got, _by_torch(numbers, precision))


@pytest.mark.parametrize("precision", ["f16", "bf16"])
def test_kernel_rounds_as_torch(host_program: HostProgram, precision: Precision) -> None:
    numbers = _hard_numbers().reshape(-1, 2)
    got = host_program.pack(numbers, OutputFormat("nhwc", precision))
    np.testing.assert_array_equal(got, _by_torch(numbers, precision))
