"""Checkpoints of several real processes."""

import resource
import signal
from pathlib import Path
from signal import SIGXFSZ
from typing import Any

import pytest
import torch

from tests.training.checkpoints.states import Case, differing, emptied, store
from tests.training.processes import ProcessDiedError, run_processes
from training.checkpoints.state import RowShard
from training.errors import CheckpointError
from training.world import World


def _go_on(world: World, folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """Load a checkpoint, save another, load that, and try what must be refused."""
    with store(folder, world, keep_last=9) as checkpoints:
        found: dict[str, Any] = {"latest": checkpoints.latest()}
        if steps > 1:
            loaded = emptied(Case(0, world).value())
            restored = checkpoints.load(steps - 1, loaded)
            found["elastic"] = differing(loaded, Case(seed - 1, world).value())
            found["left_alone"] = restored.left_alone
            found["written_by"] = restored.world_size
        state = Case(seed, world).value()
        checkpoints.save(steps, state, {"rank": world.rank, "seed": seed})
        emptied(state)
        checkpoints.wait()
        again = emptied(Case(0, world).value())
        found["facts"] = dict(checkpoints.load(steps, again).facts)
        found["same"] = differing(again, Case(seed, world).value())
        found["refused"] = _refusals(checkpoints, world) if world.size > 1 else []
        found["steps"] = checkpoints.steps()
    return found


def _refusals(checkpoints: Any, world: World) -> list[str]:
    """What each process is told where only the last one errs."""
    errs = world.rank == world.size - 1
    gap = {"centres": RowShard(torch.zeros(1, 2), world.rank + errs, world.size)}
    stranger = {**Case(0, world).value(), **({"stranger": torch.zeros(1)} if errs else {})}
    messages = []
    for save_or_load in (
        lambda: (checkpoints.save(90, gap, {}), checkpoints.wait()),
        lambda: (checkpoints.save(90 + errs, {}, {}), checkpoints.wait()),
        lambda: (checkpoints.save(90, stranger, {}), checkpoints.wait()),
        lambda: checkpoints.load(1, stranger),
    ):
        try:
            save_or_load()
            messages.append("accepted")
        except CheckpointError as error:
            messages.append(str(error))
    return messages


def test_a_run_goes_on_with_any_number_of_processes(tmp_path: Path) -> None:
    written_by = None
    for step, size in enumerate((1, 2, 4, 1), start=1):
        answers = run_processes(size, _go_on, tmp_path, 1000 + step, step)
        for rank, found in enumerate(answers):
            assert found["latest"] == (step - 1 or None)
            assert found["same"] == []
            assert found["facts"] == {"rank": 0, "seed": 1000 + step}
            assert found["steps"] == tuple(range(1, step + 1))
            if step > 1:
                assert found["left_alone"] == ("rng",)
                assert found["elastic"] == ["rng"]
                assert found["written_by"] == written_by
            if size > 1:
                gap, steps, names, stranger = found["refused"]
                assert "each must follow on the one before" in gap
                assert "saves step 91" in steps
                assert "stranger" in names
                assert "stranger is missing" in stranger
                assert ("process" in stranger) == (rank < size - 1)
        written_by = size


def _die_writing(world: World, folder: Path, heard: Path) -> None:
    with store(folder, world) as checkpoints:
        checkpoints.save(1, Case(1, world).value(), {})
        checkpoints.wait()
        if world.rank == 1:
            # The kernel ends this process in the middle of its file, and nothing is cleaned up.
            signal.signal(SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
        checkpoints.save(2, Case(2, world).value(), {})
        try:
            checkpoints.wait()
        except CheckpointError as error:
            heard.write_text(str(error))


def test_a_process_that_dies_while_saving_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    with pytest.raises(ProcessDiedError, match=f"process 1 ended with exit code -{SIGXFSZ.value}"):
        run_processes(2, _die_writing, tmp_path / "run", heard)
    assert "process 0 of 2 lost the others" in heard.read_text()
    with store(tmp_path / "run") as checkpoints:
        assert checkpoints.latest() == 1
