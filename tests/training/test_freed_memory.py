import subprocess
import sys

import psutil
import pytest
import torch

from training.freed_memory import freed_memory_kept

NUM_FLOATS = 1 << 26
NUM_BYTES = 4 * NUM_FLOATS
COUNT_FAULTS = """
import resource, torch
from training.freed_memory import freed_memory_kept

def faults_of_maps(number):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(number):
        torch.ones(1 << 24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

outside = faults_of_maps(8)
with freed_memory_kept() as is_kept:
    faults_of_maps(32)  # until enough is kept
    print(int(is_kept), outside, faults_of_maps(8))
"""


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def test_freed_maps_come_back_without_page_faults() -> None:
    # In a process of its own: what other tests have freed would be taken first, without a fault.
    run = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS], capture_output=True, text=True, check=True
    )
    is_kept, outside, within = map(int, run.stdout.split())
    if not is_kept:
        pytest.skip("the C library has no mallopt, or does not take these values")
    assert within < outside / 2


def test_memory_is_given_back_afterwards() -> None:
    with freed_memory_kept() as is_kept:
        if not is_kept:
            pytest.skip("the C library has no mallopt, or does not take these values")
        torch.ones(NUM_FLOATS)
        kept_bytes = _resident_bytes()
    assert _resident_bytes() < kept_bytes - NUM_BYTES / 2


def test_what_is_raised_within_comes_out() -> None:
    with pytest.raises(ValueError, match="within"), freed_memory_kept():
        raise ValueError("within")
