"""Which of several failed ranks began it, and what is said about it."""

import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from pipelines.errors import LaunchError
from training.errors import TrainingError, TrainingInterruptedError, WorldError

logger = logging.getLogger(__name__)

_STOPPED: Final = {128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT}
"""How a rank ends that was told to: its own status, or the signal's where it came too early."""
_REMEDY: Final = "start again, the run goes on from its last checkpoint"
_LINES_SHOWN: Final = 20


def raise_for(
    failures: Mapping[int, ProcessFailure],
    size: int,
    stderr: Mapping[int, Path],
    *,
    were_told_to_stop: bool,
) -> None:
    """Raise what the failures of `size` ranks amount to; nothing where there are none.

    `failures` come in the order in which they were seen. `stderr` has the files of the ranks that
    do not write to the terminal; of the rank that began it, the end is logged.

    Raises `TrainingInterruptedError` or `SystemExit`, as the ranks did, where all that failed had
    been told to stop; else `LaunchError`.
    """
    if not failures:
        return
    rank, failure = min(failures.items(), key=lambda item: _precedence(item[1]))
    if _is(failure, TrainingInterruptedError):
        raise TrainingInterruptedError(_said(failure).partition(": ")[2])
    if _has_stopped(failure):
        raise SystemExit(128 + signal.SIGTERM)
    if rank in stderr and not _said(failure):
        _log_end(stderr[rank])
    told = ", having been told to stop," if were_told_to_stop else ""
    raise LaunchError(f"rank {rank} of {size}{told} {_what_happened(failure)}")


def _precedence(failure: ProcessFailure) -> int:
    """What came of itself goes before what followed from it, and before what was asked for."""
    if _is(failure, WorldError):
        return 1
    return 2 if _has_stopped(failure) else 0


def _has_stopped(failure: ProcessFailure) -> bool:
    if _said(failure):
        return _is(failure, TrainingInterruptedError)
    return failure.exitcode in _STOPPED


def _what_happened(failure: ProcessFailure) -> str:
    if said := _said(failure):
        return f"failed: {said}"
    if failure.exitcode < 0:
        return f"was killed by {failure.signal_name()}; {_REMEDY}"
    return f"ended with status {failure.exitcode}; {_REMEDY}"


def _is(failure: ProcessFailure, error: type[TrainingError]) -> bool:
    return _said(failure).startswith(f"{error.__name__}: ")


def _said(failure: ProcessFailure) -> str:
    """The typed error that the rank has recorded, or nothing."""
    message = failure.error_file_data["message"]
    return str(message["message"]) if isinstance(message, dict) else ""


def _log_end(path: Path) -> None:
    lines = path.read_text(errors="replace").splitlines()
    for line in lines[-_LINES_SHOWN:]:
        logger.error("%s", line)
