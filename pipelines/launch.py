"""Several processes of one command on this machine, by torchrun's own machinery.

torchrun itself starts one agent a machine and lets it restart what died; here DVC or a person does
that, and what counts is that one line says what happened and that nothing is left running. The
processes find each other through a store on loopback, which this process holds.
"""

import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # not in its __all__
from torch.distributed.elastic.multiprocessing import (
    DefaultLogsSpecs,
    SignalException,
    Std,
    SubprocessContext,
    start_processes,
)

from pipelines.environment import usable_workers
from pipelines.errors import LaunchError
from pipelines.launched import LAUNCHER_PID
from pipelines.rank_failures import raise_for
from training.world import DeviceChoice

_STOP_TIMEOUT_S: Final = 120
"""How long a process that was told to stop may take to save its checkpoint."""
_FOLLOW_S: Final = 10
"""How long the others may take to notice that a rank has failed; its own error is the one to show,
and it may still be on its way out when they are gone already."""
_POLL_S: Final = 0.1
_HOST: Final = "127.0.0.1"
_FORWARDED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def num_processes(asked: int | None, device: DeviceChoice) -> int:
    """How many processes train together on this machine.

    None is one for each visible GPU, and one where there is no GPU. Raises `LaunchError` where more
    are asked for than there are GPUs; on the CPU any number will do.
    """
    gpus = 0 if device == "cpu" else torch.cuda.device_count()
    if asked is None:
        return max(1, gpus)
    if gpus and asked > gpus:
        raise LaunchError(f"train.processes: {asked}, but {gpus} GPUs; each process needs its own")
    return asked


def launch(command: Sequence[str], processes: int, threads: int | None) -> None:
    """Run a command as ranks 0 to `processes` - 1 and wait for all of them.

    Rank 0 has this terminal; what the others write on stderr is shown where they crash. Each gets
    `threads` CPU threads, or OMP_NUM_THREADS where that is set, or its part of the cores. SIGTERM
    and SIGINT reach the ranks as SIGTERM; a second one kills them. Nothing of them is left running.

    Raises `LaunchError` where a rank failed, and `SystemExit` with the ranks' status where they
    stopped because they were told to.
    """
    program, *arguments = command
    with TemporaryDirectory(prefix="examgate-ranks-") as folder, _quiet(), _own_signals():
        store = _loopback_store()
        logs = DefaultLogsSpecs(folder, redirects=dict.fromkeys(range(1, processes), Std.ALL))
        ranks = start_processes(
            "rank",
            program,
            {rank: tuple(arguments) for rank in range(processes)},
            {rank: _environment(rank, processes, store.port, threads) for rank in range(processes)},
            logs,
        )
        assert isinstance(ranks, SubprocessContext)  # noqa: S101 - the entry point is a program
        _wait(ranks)


def _wait(ranks: SubprocessContext) -> None:
    was_stopped = False
    try:
        _until_ended(ranks)
    except SignalException:
        was_stopped = True
        _stop(ranks)
    finally:
        found = ranks.wait(timeout=0)  # ends those that are left
        _clear(ranks)
    assert found is not None  # noqa: S101 - all have ended
    stderr = {rank: Path(path) for rank, path in ranks.stderrs.items() if path}
    raise_for(found.failures, ranks.nprocs, stderr, were_told_to_stop=was_stopped)


def _until_ended(ranks: SubprocessContext) -> None:
    """Wait for all ranks; where one has failed, for the others no longer than they need."""
    deadline = math.inf
    while time.monotonic() < deadline:
        statuses = [handler.proc.poll() for handler in ranks.subprocess_handlers.values()]
        if None not in statuses:
            return
        if any(statuses) and deadline == math.inf:
            deadline = time.monotonic() + _FOLLOW_S
        time.sleep(_POLL_S)


def _stop(ranks: SubprocessContext) -> None:
    try:
        ranks.close(signal.SIGTERM, _STOP_TIMEOUT_S)
    except SignalException:  # asked twice: at once
        ranks.close(signal.SIGKILL)


def _clear(ranks: SubprocessContext) -> None:
    """Kill what ranks have left behind, and close their files, which torch forgets."""
    for handler in ranks.subprocess_handlers.values():
        with suppress(ProcessLookupError):
            os.killpg(handler.proc.pid, signal.SIGKILL)  # each was the head of a group of its own
        for stream in (handler._stdout, handler._stderr):
            if stream is not None:
                stream.close()


def _environment(rank: int, size: int, port: int, threads: int | None) -> dict[str, str]:
    """What torchrun sets, as far as one machine needs it, and what is ours."""
    number, count = str(rank), str(size)
    share = str(threads or os.environ.get("OMP_NUM_THREADS") or max(1, usable_workers() // size))
    return {
        "RANK": number,
        "LOCAL_RANK": number,
        "WORLD_SIZE": count,
        "LOCAL_WORLD_SIZE": count,
        "MASTER_ADDR": _HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "GLOO_SOCKET_IFNAME": _loopback_interface(),
        "OMP_NUM_THREADS": share,
        LAUNCHER_PID: str(os.getpid()),
    }


def _loopback_store() -> TCPStore:
    """The place where the ranks meet; torch's own choice would listen on every address."""
    listener = socket.create_server((_HOST, 0))
    port = listener.getsockname()[1]
    return TCPStore(
        _HOST, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach()
    )


def _loopback_interface() -> str:
    """Gloo else asks for the machine's own name, which a container may not know."""
    return "lo" if sys.platform == "linux" else "lo0"


@contextmanager
def _own_signals() -> Iterator[None]:
    """Put back what torch's machinery changes for good."""
    before = {number: signal.getsignal(number) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the machinery from telling in several lines what is told here in one."""
    logger = logging.getLogger("torch.distributed.elastic")
    silence = logging.NullHandler()
    logger.addHandler(silence)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(silence)
