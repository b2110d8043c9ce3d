"""Real processes that train together: gloo on loopback, for tests.

    def _sum(world: World, start: int) -> float:
        return world.sum(torch.tensor([start + world.rank])).item()

    assert run_processes(2, _sum, 5) == [11, 11]

The function stands at the top level of its module, since another process has to import it. All are
forked from one process that has imported torch and nothing else has run in.
"""

import os
import pickle
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import torch
from torch import distributed

from training.world import World, alone, open_world

P = ParamSpec("P")
T = TypeVar("T")

_TIMEOUT_S: Final = 420.0
"""Far beyond what any test takes on a slow machine; reached only where processes hang."""


class ProcessDiedError(Exception):
    """A process ended, or was ended, without a result."""


def run_processes(
    size: int, function: Callable[Concatenate[World, P], T], *args: P.args, **kwargs: P.kwargs
) -> list[T]:
    """Call `function(world, ...)` in `size` processes; what each returned, in order of rank.

    What a process raises is raised here, with its traceback as a note; of several errors the first,
    since the others mostly follow from it. One process needs no start: it is this one, alone. Each
    computes on the CPU with one thread. Nothing is left running. Raises `ProcessDiedError` where a
    process ended without a word, and `TimeoutError` where they hang.
    """
    if size == 1:
        with _one_thread():
            return [function(alone("cpu"), *args, **kwargs)]
    work = pickle.dumps((function, args, kwargs))
    with tempfile.TemporaryDirectory() as folder:
        members = [_start(rank, size, Path(folder) / "rendezvous", work) for rank in range(size)]
        try:
            return _collect(members)
        finally:
            for member in members:
                member.end()


@dataclass
class _Member:
    rank: int
    process: ForkServerProcess
    connection: Connection

    def obituary(self) -> str:
        self.process.join()
        return f"process {self.rank} ended with exit code {self.process.exitcode} and no result"

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.process.close()
        self.connection.close()


@dataclass
class _Answer:
    """What a process sends back: a pickled result, or an error and when it was raised."""

    result: bytes | None
    error: Exception | None = None
    raised_s: float = 0.0


def _start(rank: int, size: int, rendezvous: Path, work: bytes) -> _Member:
    context = get_context("forkserver")
    context.set_forkserver_preload(["torch", "training.trainer"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(rank, size, rendezvous, work, theirs))
    process.start()
    theirs.close()
    return _Member(rank, process, ours)


def _environment(rank: int, size: int) -> dict[str, str]:
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "OMP_NUM_THREADS": 1}
    # Else gloo looks for an address by the name of the machine, which may not resolve.
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    return {name: str(value) for name, value in variables.items()} | loopback


def _child(rank: int, size: int, rendezvous: Path, work: bytes, answers: Connection) -> None:
    os.environ.update(_environment(rank, size))
    torch.set_num_threads(1)
    try:
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{rendezvous}",
            rank=rank,
            world_size=size,
            timeout=timedelta(seconds=_TIMEOUT_S),
        )
        function, args, kwargs = pickle.loads(work)
        with open_world("cpu") as world:
            answer = _Answer(pickle.dumps(function(world, *args, **kwargs)))
    except Exception as error:
        answer = _Answer(None, _portable(error), time.monotonic())
    # Before the group is closed: the others notice, and their complaints must come second.
    answers.send_bytes(pickle.dumps(answer))
    answers.close()
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _portable(error: Exception) -> Exception:
    """The error with its traceback as a note; its text alone where it cannot be pickled."""
    text = "".join(traceback.format_exception(error))
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(repr(error))
    error.add_note(
        f"in a process of {os.environ['WORLD_SIZE']}, rank {os.environ['RANK']}:\n{text}"
    )
    return error


def _collect(members: list[_Member]) -> list[Any]:
    deadline_s = time.monotonic() + _TIMEOUT_S
    results: dict[int, Any] = {}
    died: list[str] = []
    waiting = members
    while waiting:
        ready = _ready(waiting, deadline_s)
        answers = {member.rank: _receive(member) for member in ready}
        _raise_first([answer for answer in answers.values() if answer is not None], waiting, ready)
        for member in ready:
            answer = answers[member.rank]
            if answer is None or answer.result is None:
                died.append(member.obituary())
            else:
                results[member.rank] = pickle.loads(answer.result)
        waiting = [member for member in waiting if member not in ready]
    if died:
        raise ProcessDiedError("; ".join(died))
    return [results[member.rank] for member in members]


def _ready(waiting: list[_Member], deadline_s: float) -> list[_Member]:
    left_s = max(0.0, deadline_s - time.monotonic())
    ready = wait([member.connection for member in waiting], left_s)
    if not ready:
        ranks = [member.rank for member in waiting]
        raise TimeoutError(f"no answer from ranks {ranks} in {_TIMEOUT_S:.0f} s")
    return [member for member in waiting if member.connection in ready]


def _receive(member: _Member) -> _Answer | None:
    try:
        answer: _Answer = pickle.loads(member.connection.recv_bytes())
    except (EOFError, ConnectionResetError):
        return None
    return answer


def _raise_first(answers: list[_Answer], waiting: list[_Member], ready: list[_Member]) -> None:
    errors = [answer for answer in answers if answer.error is not None]
    if errors:
        # What was raised before is in its pipe by now.
        others = [m for m in waiting if m not in ready and m.connection.poll()]
        errors += [answer for answer in map(_receive, others) if answer and answer.error]
        error = min(errors, key=lambda answer: answer.raised_s).error
        assert error is not None
        raise error


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
