"""Figures of a run, from numbers."""

import numpy as np
import pytest
import torch

from training.throughput import (
    StepTimes,
    images_per_s,
    mfu,
    peak_memory_bytes,
    total_memory_bytes,
)

TIMES = StepTimes.of({"data": 1.0, "forward": 3.0, "backward": 5.0, "rest": 1.0})


def test_times_are_read_by_part_and_sum_up() -> None:
    assert (TIMES.forward_s, TIMES.head_s, TIMES.total_s) == (3.0, 0.0, 10.0)
    assert TIMES.data_wait_share == pytest.approx(0.1)
    later = StepTimes.of({"data": 4.0, "forward": 4.0, "backward": 5.0, "rest": 3.0})
    assert later - TIMES == StepTimes.of({"data": 3.0, "forward": 1.0, "rest": 2.0})
    assert (later - TIMES) / 2 == StepTimes.of({"data": 1.5, "forward": 0.5, "rest": 1.0})


def test_no_time_gives_no_share_and_no_speed() -> None:
    assert (TIMES - TIMES).data_wait_share == 0
    assert images_per_s(0, 0.0) == 0


def test_mfu_is_the_reference_table() -> None:
    """iResNet-50 and 93,431 people: 8,294 images/s are 40 % of 790 TFLOP/s."""
    flops = 37.81e9 + 3 * 2 * 512 * 93_431
    assert mfu(8_294, flops, 790e12) == pytest.approx(0.40, rel=1e-3)
    assert mfu(8_294, flops, None) is None


def test_peak_memory_sees_a_large_array() -> None:
    cpu = torch.device("cpu")
    size_bytes = 64 << 20
    held = np.ones(size_bytes, np.uint8)
    assert held.nbytes < peak_memory_bytes(cpu) < total_memory_bytes(cpu)
