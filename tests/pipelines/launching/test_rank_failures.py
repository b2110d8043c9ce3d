"""Of several failures, the one that began it is told."""

import json
import signal
from pathlib import Path

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from pipelines.errors import LaunchError
from pipelines.rank_failures import raise_for
from training.errors import TrainingInterruptedError


def _failure(folder: Path, rank: int, exitcode: int, said: str = "") -> ProcessFailure:
    path = folder / f"{rank}.json"
    if said:
        note = {"message": said, "extraInfo": {"timestamp": "1"}}
        path.write_text(json.dumps({"message": note}))
    return ProcessFailure(rank, pid=1, exitcode=exitcode, error_file=str(path))


def _told(*failures: ProcessFailure, was_stopped: bool = False) -> str:
    found = {failure.local_rank: failure for failure in failures}
    with pytest.raises(LaunchError) as caught:
        raise_for(found, 4, {}, were_told_to_stop=was_stopped)
    return str(caught.value)


def test_no_failure_is_no_error() -> None:
    raise_for({}, 4, {}, were_told_to_stop=True)


def test_cause_goes_before_what_follows(tmp_path: Path) -> None:
    follows = _failure(tmp_path, 0, 1, "WorldError: process 0 of 4 lost the others")
    ended = _failure(tmp_path, 1, -signal.SIGTERM)
    assert _told(follows, ended, _failure(tmp_path, 2, -signal.SIGSEGV)).startswith(
        "rank 2 of 4 was killed by SIGSEGV; start again"
    )
    typed = _failure(tmp_path, 3, -signal.SIGTERM, "TrainingDataError: crops: none")
    assert _told(follows, ended, typed) == "rank 3 of 4 failed: TrainingDataError: crops: none"
    assert _told(ended, follows).startswith("rank 0 of 4 failed: WorldError: ")


def test_first_seen_goes_before_those_killed_afterwards(tmp_path: Path) -> None:
    first, later = (_failure(tmp_path, rank, -signal.SIGKILL) for rank in (2, 0))
    assert _told(first, later).startswith("rank 2 of 4 was killed by SIGKILL")


def test_stopped_ranks_end_as_they_said(tmp_path: Path) -> None:
    stopped = {
        rank: _failure(tmp_path, rank, 1, "TrainingInterruptedError: saved: step 4")
        for rank in (0, 1)
    }
    with pytest.raises(TrainingInterruptedError, match=r"^saved: step 4$"):
        raise_for(stopped, 2, {}, were_told_to_stop=True)
    early = {2: _failure(tmp_path, 2, -signal.SIGTERM), 3: _failure(tmp_path, 3, 143)}
    with pytest.raises(SystemExit) as caught:
        raise_for(early, 4, {}, were_told_to_stop=True)
    assert caught.value.code == 143


def test_failure_while_stopping_is_told(tmp_path: Path) -> None:
    stopped = _failure(tmp_path, 0, 143)
    deaf = _failure(tmp_path, 1, -signal.SIGKILL)
    assert _told(stopped, deaf, was_stopped=True).startswith(
        "rank 1 of 4, having been told to stop, was killed by SIGKILL"
    )
    full = _failure(tmp_path, 2, 1, "CheckpointError: the disk is full")
    assert "CheckpointError: the disk is full" in _told(stopped, full, was_stopped=True)


def test_end_of_a_silent_rank_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "stderr"
    log.write_text("\n".join(f"line {n}" for n in range(50)))
    with pytest.raises(LaunchError, match="rank 1 of 4 ended with status 7; start again"):
        raise_for({1: _failure(tmp_path, 1, 7)}, 4, {1: log}, were_told_to_stop=False)
    assert caplog.messages == [f"line {n}" for n in range(30, 50)]
