"""Work of several ranks that trains nothing: they count, together, and keep their count.

In each step every rank adds its share of a fixed sum, as the crops of a global batch are shared.
The count is saved every few steps and when the ranks are told to stop; the next start goes on from
it with any number of ranks. The world, the stopping and the errors are the real ones.
"""

import logging
import os
import subprocess
import time
from pathlib import Path
from typing import Final, Literal

import torch

from data.files import whole_file
from training.errors import TrainingDataError, TrainingInterruptedError
from training.stopping import StopRequest, stop_on_signals
from training.world import World

logger = logging.getLogger(__name__)

BATCH: Final = 12
SAVED_EVERY: Final = 5
RUNNING: Final = "running"
"""File that is there once the ranks have counted together for a few steps."""
_PAUSE_S: Final = 0.001
Trouble = Literal["none", "typed", "defect", "status", "once", "child", "deaf"]


def count(folder: Path, steps: int, trouble: Trouble, world: World) -> None:
    """Do the steps that are left; the last rank makes the trouble."""
    (folder / f"rank{world.rank}.pid").write_text(str(os.getpid()))
    first, total = saved(folder) if (folder / "count").exists() else (0, 0)
    logger.info("rank %d of %d begins at step %d", world.rank, world.size, first)
    with stop_on_signals() as stop:
        for step in range(first, steps):
            total += int(world.sum(torch.tensor(step * (BATCH // world.size))))
            _keep(folder, world, stop, step + 1, total)
            if step == first + SAVED_EVERY + 1:
                _begin_trouble(folder, world, trouble)
            time.sleep(_PAUSE_S)
    _save(folder, world, steps, total)


def expected(steps: int) -> int:
    """What the count comes to, whatever the number of ranks."""
    return sum(step * BATCH for step in range(steps))


def saved(folder: Path) -> tuple[int, int]:
    """Steps done, and their count."""
    steps, total = (folder / "count").read_text().split()
    return int(steps), int(total)


def _keep(folder: Path, world: World, stop: StopRequest, done: int, total: int) -> None:
    is_asked = bool(world.sum(torch.tensor(int(stop.is_made))))
    if is_asked or done % SAVED_EVERY == 0:
        _save(folder, world, done, total)
    if is_asked:
        raise TrainingInterruptedError(f"stopped after step {done}, which is saved")


def _save(folder: Path, world: World, done: int, total: int) -> None:
    if world.is_main:
        with whole_file(folder / "count") as path:
            path.write_text(f"{done} {total}")
    world.barrier()


def _begin_trouble(folder: Path, world: World, trouble: Trouble) -> None:
    if world.is_main:
        (folder / RUNNING).touch()
    if world.rank < world.size - 1:
        return
    if trouble == "typed":
        raise TrainingDataError("crops: none")
    if trouble == "defect":
        raise ZeroDivisionError("a defect")
    if trouble == "status":
        os._exit(7)
    if trouble == "once" and not (folder / "lost").exists():
        (folder / "lost").touch()
        os._exit(7)
    if trouble == "child":
        child = subprocess.Popen(["sleep", "1000"])
        (folder / "child.pid").write_text(str(child.pid))
    if trouble == "deaf":
        time.sleep(1000)
