"""A process that is killed while it saves, at every moment there is."""

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tests.training.checkpoints.states import Case, differing, emptied, store
from training.errors import CheckpointError
from training.world import alone

ALONE = alone("cpu")
BIG_FACTS = {"notes": "x" * 100_000}


@pytest.fixture(scope="module")
def fresh_process() -> Iterator[ProcessPoolExecutor]:
    """Away from pytest, so that it can fork, and set limits."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def _exit_code(action: Callable[[Path, int], None], folder: Path, number: int) -> int:
    """Run an action in a fork, and how it ended; below zero is a signal."""
    child = os.fork()
    if child == 0:
        try:
            action(folder, number)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _save(folder: Path, step: int) -> None:
    with store(folder, keep_last=1) as checkpoints:
        checkpoints.save(step, Case(step, ALONE).value(), BIG_FACTS)


def _whole_step(folder: Path) -> int:
    """The step that a run would go on from; fails where it is not whole."""
    with store(folder, keep_last=1) as checkpoints:
        step = checkpoints.latest()
        assert step is not None
        state = emptied(Case(0, ALONE).value())
        assert checkpoints.load(step, state).facts == BIG_FACTS
        assert differing(state, Case(step, ALONE).value()) == []
        assert not list(folder.glob("*.partial"))
        return step


def _killed_at_event(folder: Path, nth: int) -> None:
    """Save, and be killed when Python is about to do the nth thing to a file below the folder."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        is_of_files = event == "open" or event.startswith(("os.", "shutil."))
        if is_of_files and arguments and str(folder) in str(arguments[0]):
            seen += 1
            if seen > nth:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    _save(folder, 2)


def _killed_at_byte(folder: Path, num_bytes: int) -> None:
    """Save, and be ended by the kernel at the first byte beyond so many in a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))
    _save(folder, 2)


def _killed_everywhere(root: Path) -> list[tuple[int, int]]:
    """Exit code and step to go on from, for each event at which the saving was killed."""
    outcomes: list[tuple[int, int]] = []
    while not outcomes or outcomes[-1][0] != 0:
        folder = root / f"run{len(outcomes)}"
        _save(folder, 1)
        nth = len(outcomes)
        code = _exit_code(_killed_at_event, folder, nth)
        outcomes.append((code, _whole_step(folder)))
    return outcomes


def test_a_kill_at_any_moment_leaves_the_old_checkpoint_or_the_new(
    fresh_process: ProcessPoolExecutor, tmp_path: Path
) -> None:
    outcomes = fresh_process.submit(_killed_everywhere, tmp_path).result()
    assert {code for code, _ in outcomes[:-1]} == {-signal.SIGKILL}
    steps = [step for _, step in outcomes]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (1, 2)
    assert steps.count(1) > 5


def _cut_off(root: Path) -> list[tuple[int, int]]:
    outcomes = []
    for num_bytes in (0, 1, 300, 1000, 50_000):
        folder = root / f"run{num_bytes}"
        _save(folder, 1)
        code = _exit_code(_killed_at_byte, folder, num_bytes)
        outcomes.append((code, _whole_step(folder)))
    return outcomes


def test_a_kill_in_the_middle_of_a_file_leaves_the_old_checkpoint(
    fresh_process: ProcessPoolExecutor, tmp_path: Path
) -> None:
    assert fresh_process.submit(_cut_off, tmp_path).result() == [(-signal.SIGXFSZ, 1)] * 5


def _refused_writes(folder: Path) -> list[str]:
    _save(folder, 1)
    messages = []
    for num_bytes in (100, 50_000):
        # Python ignores the signal, so the write itself fails, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))
        try:
            _save(folder, 2)
        except CheckpointError as error:
            messages.append(str(error))
        assert _whole_step(folder) == 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _save(folder, 2)
    assert _whole_step(folder) == 2
    return messages


def test_a_write_that_fails_is_named_and_the_next_succeeds(
    fresh_process: ProcessPoolExecutor, tmp_path: Path
) -> None:
    messages = fresh_process.submit(_refused_writes, tmp_path / "run").result()
    assert len(messages) == 2
    for message in messages:
        assert "the disk is full, or this process may write no more" in message
        assert "make room" in message
