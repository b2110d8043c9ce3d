"""How many cores this process may use: the machine's count says nothing inside a container."""

import math
import os
from pathlib import Path
from typing import Final

_CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Cores by affinity and by the cgroup's quota (cgroup v2), at least 1."""
    allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, math.ceil(_quota_cores(quota_file))))


def _quota_cores(quota_file: Path) -> float:
    try:
        quota_us, period_us = quota_file.read_text().split()
        return int(quota_us) / int(period_us)
    except (OSError, ValueError, ZeroDivisionError):
        return os.cpu_count() or 1  # no cgroup v2, or a quota of "max"
