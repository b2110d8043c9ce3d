"""Several real processes under the launcher: together, failing, stopped and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import torch

from pipelines.errors import LaunchError
from pipelines.launch import launch, num_processes
from tests.pipelines.launching.toy import RUNNING, expected, saved

ROOT = Path(__file__).resolve().parents[3]
ENDLESS = 10**9
PATIENCE_S = 240
Toy = subprocess.Popen[str]


@contextmanager
def _toy(folder: Path, steps: int, *options: str) -> Iterator[Toy]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.pipelines.launching.run_toy",
            str(folder),
            str(steps),
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        for pid in _pids(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _until(is_so: Callable[[], bool], toy: Toy) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        assert toy.poll() is None or toy.returncode < 0, toy.communicate()[1]
        time.sleep(0.02)


def _lines(toy: Toy) -> list[str]:
    """What a run has said, once it has ended; no more than a person should have to read."""
    return toy.communicate(timeout=PATIENCE_S)[1].splitlines()


def _pids(folder: Path) -> list[int]:
    return [int(path.read_text() or 0) for path in folder.glob("*.pid")]


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ranks_work_together_and_rank_0_speaks(tmp_path: Path) -> None:
    with _toy(tmp_path, 12, "--processes", "2") as toy:
        assert _lines(toy) == ["rank 0 of 2 begins at step 0"]
        assert toy.returncode == 0
    assert saved(tmp_path) == (12, expected(12))


def test_killed_rank_is_one_line_and_nothing_is_left(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2", "--trouble", "child") as toy:
        _until((tmp_path / RUNNING).exists, toy)
        _until(lambda: bool((tmp_path / "child.pid").exists() and len(_pids(tmp_path)) == 3), toy)
        os.kill(int((tmp_path / "rank1.pid").read_text()), signal.SIGKILL)
        assert _lines(toy)[1:] == [
            "LaunchError: rank 1 of 2 was killed by SIGKILL;"
            " start again, the run goes on from its last checkpoint"
        ]
        assert toy.returncode == 1
        assert len(_pids(tmp_path)) == 3
        assert not any(_is_alive(pid) for pid in _pids(tmp_path))


def test_stopped_ranks_save_and_another_number_goes_on(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2") as toy:
        _until((tmp_path / RUNNING).exists, toy)
        toy.send_signal(signal.SIGINT)
        steps, count = saved(tmp_path) if _lines(toy) else (0, 0)
        assert toy.returncode == 1
        assert not any(_is_alive(pid) for pid in _pids(tmp_path))
    assert steps >= 3
    assert count == expected(steps)
    with _toy(tmp_path, steps + 4) as toy:
        assert _lines(toy) == [f"rank 0 of 1 begins at step {steps}"]
    assert saved(tmp_path) == (steps + 4, expected(steps + 4))


def test_ranks_of_a_killed_launcher_save_and_end(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2") as toy:
        _until((tmp_path / RUNNING).exists, toy)
        toy.kill()
        _until(lambda: not any(_is_alive(pid) for pid in _pids(tmp_path)), toy)
    steps, count = saved(tmp_path)
    assert count == expected(steps)


def test_second_signal_ends_ranks_that_do_not_listen(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2", "--trouble", "deaf") as toy:
        _until((tmp_path / RUNNING).exists, toy)
        toy.terminate()
        time.sleep(0.5)
        toy.terminate()
        assert "rank 0 of 2, having been told to stop, was killed by SIGKILL" in _lines(toy)[-1]
        assert not any(_is_alive(pid) for pid in _pids(tmp_path))


def test_typed_error_of_any_rank_is_the_line(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2", "--trouble", "typed") as toy:
        said = _lines(toy)
    assert said[1:] == ["LaunchError: rank 1 of 2 failed: TrainingDataError: crops: none"]


def test_defect_of_a_silent_rank_is_shown(tmp_path: Path) -> None:
    with _toy(tmp_path, ENDLESS, "--processes", "2", "--trouble", "defect") as toy:
        said = _lines(toy)
    assert any(line.endswith("ZeroDivisionError: a defect") for line in said)
    assert said[-1].startswith("LaunchError: rank 1 of 2 ended with status 1; start again")


def test_launch_leaves_signals_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(LaunchError, match="rank 0 of 1 ended with status 3"):
        launch([sys.executable, "-c", "raise SystemExit(3)"], processes=1, threads=1)
    assert signal.getsignal(signal.SIGTERM) is before


def test_cores_are_shared_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("pipelines.launch.usable_workers", lambda: 7)
    out = tmp_path / "threads"
    code = f"import os; open({str(out)!r}, 'a').write(os.environ['OMP_NUM_THREADS'] + ' ')"
    launch([sys.executable, "-c", code], processes=2, threads=None)
    launch([sys.executable, "-c", code], processes=1, threads=5)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    launch([sys.executable, "-c", code], processes=1, threads=None)
    assert out.read_text().split() == ["3", "3", "5", "2"]


def test_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert [num_processes(asked, "auto") for asked in (None, 1, 5)] == [1, 1, 5]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert [num_processes(asked, "auto") for asked in (None, 1, 4)] == [4, 1, 4]
    assert num_processes(5, "cpu") == 5
    with pytest.raises(LaunchError, match=r"train\.processes: 5, but 4 GPUs"):
        num_processes(5, "auto")
