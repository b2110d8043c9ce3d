"""Work on several processes, results in the order of the tasks, and never many of them waiting."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Final, TypeVar

import cv2

from pipelines.errors import StageError

Settings = TypeVar("Settings")
Task = TypeVar("Task")
Result = TypeVar("Result")

_CHUNK: Final = 16  # tasks handed over at once: enough to hide the hand-over
_AHEAD: Final = 4  # chunks for each process that are given out before the first is asked for


def in_order(
    make: Callable[[Settings], Callable[[Task], Result]],
    settings: Settings,
    tasks: Iterable[Task],
    workers: int,
) -> Iterator[Result]:
    """Results of all tasks, in their order.

    Each process makes its own work from the settings, because sessions cannot be sent; a single
    worker is this process. What a process raises is raised here. Raises `StageError` where a
    process was killed.
    """
    if workers == 1:
        cv2.setNumThreads(1)
        yield from map(make(settings), tasks)
        return
    # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (make, settings))
    chunks = _chunks(tasks)
    try:
        waiting = deque(pool.submit(_do, chunk) for chunk in islice(chunks, workers * _AHEAD))
        while waiting:
            results = waiting.popleft().result()
            waiting.extend(pool.submit(_do, chunk) for chunk in islice(chunks, 1))
            yield from results
    except BrokenProcessPool as error:
        raise StageError(
            "a worker process did not start or was killed; see above, and check the memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_made: dict[str, Callable[[Any], Any]] = {}  # one for each process


def _start(make: Callable[[Any], Callable[[Any], Any]], settings: object) -> None:
    cv2.setNumThreads(1)  # one process for each core; threads inside them would only fight
    _made["work"] = make(settings)


def _do(tasks: Sequence[Any]) -> list[Any]:
    return [_made["work"](task) for task in tasks]


def _chunks(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    rest = iter(tasks)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
