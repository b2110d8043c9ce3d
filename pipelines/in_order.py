"""Work on several processes, results in the order of the tasks, and never many of them waiting."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Final, TypeVar

from pipelines.errors import StageError

Task = TypeVar("Task")
Result = TypeVar("Result")

_CHUNK: Final = 16  # tasks handed over at once: enough to hide the hand-over
_AHEAD: Final = 4  # chunks for each process that are given out before the first is asked for


def in_order(
    work: Callable[[Sequence[Task]], list[Result]],
    tasks: Iterable[Task],
    workers: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
) -> Iterator[Result]:
    """Results of all tasks, in their order; `start(*arguments)` prepares each process.

    What a process raises is raised here. Raises `StageError` where a process was killed.
    """
    # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, start, arguments)
    chunks = _chunks(tasks)
    try:
        waiting = deque(pool.submit(work, chunk) for chunk in islice(chunks, workers * _AHEAD))
        while waiting:
            results = waiting.popleft().result()
            waiting.extend(pool.submit(work, chunk) for chunk in islice(chunks, 1))
            yield from results
    except BrokenProcessPool as error:
        raise StageError(
            "a worker process did not start or was killed; see above, and check the memory"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    rest = iter(tasks)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
