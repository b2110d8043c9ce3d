"""What a process owes to whoever started it as one of several: to end with it, and to say why."""

import ctypes
import logging
import os
import signal
import sys
from typing import Final, NoReturn

LAUNCHER_PID: Final = "EXAMGATE_LAUNCHER_PID"
"""Set by `pipelines.launch` for the processes that it starts."""
_ERROR_FILE: Final = "TORCHELASTIC_ERROR_FILE"
_PR_SET_PDEATHSIG: Final = 1


def is_rank() -> bool:
    """Whether torchrun, Ray or `pipelines.launch` started this process as one of several."""
    return "RANK" in os.environ


def log_level() -> int:
    """INFO for a process that is alone or rank 0; of the others, only what went wrong."""
    return logging.INFO if os.environ.get("RANK", "0") == "0" else logging.WARNING


def follow_launcher() -> None:
    """Ask the kernel for SIGTERM when the launcher dies, however it dies. On Linux only.

    Without it a launcher that is killed leaves its processes behind, which start_new_session has
    put out of reach of the terminal.
    """
    launcher = os.environ.get(LAUNCHER_PID)
    if launcher is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(launcher):  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)


def end_in_one_line(error: Exception) -> NoReturn:
    """End with status 1 and the error's line; under a launcher, the line is the launcher's."""
    if os.environ.get(_ERROR_FILE):
        from torch.distributed.elastic.multiprocessing.errors import get_error_handler

        get_error_handler().record_exception(error)
    sys.exit(1 if LAUNCHER_PID in os.environ else f"{type(error).__name__}: {error}")
