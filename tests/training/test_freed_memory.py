import resource

import psutil
import pytest
import torch

from training.freed_memory import freed_memory_kept

NUM_FLOATS = 1 << 26
NUM_BYTES = 4 * NUM_FLOATS


def _faults_of_maps(number: int) -> int:
    """Page faults while maps are made, written and freed, one after the other."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(number):
        torch.ones(NUM_FLOATS // 8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def test_freed_maps_come_back_without_page_faults() -> None:
    outside = _faults_of_maps(8)
    with freed_memory_kept() as is_kept:
        if not is_kept:
            pytest.skip("the C library has no mallopt, or does not take these values")
        assert _faults_of_maps(8) < outside / 2


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
