"""Several processes: order, bounded appetite, and errors that come through."""

import operator
import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from data.errors import SourceError
from pipelines.errors import StageError
from pipelines.in_order import in_order


def _adder(offset: int) -> Callable[[int], int]:
    return partial(operator.add, offset)


def _refuser(unwanted: int) -> Callable[[int], int]:
    return partial(_refuse, unwanted)


def _refuse(unwanted: int, task: int) -> int:
    if task == unwanted:
        raise SourceError(f"photo {unwanted} is missing")
    return task


def _dier(last: int) -> Callable[[int], int]:
    return partial(_die, last)


def _die(last: int, task: int) -> int:
    if task == last:
        os._exit(9)
    return task


def _process_of(_settings: None) -> Callable[[int], int]:
    return lambda _: os.getpid()


def test_results_come_in_order_and_few_tasks_are_taken_ahead() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for task in range(1000):
            taken += 1
            yield task

    results = in_order(_adder, 7, tasks(), 2)
    assert next(results) == 7
    assert taken < 300
    assert list(results) == list(range(8, 1007))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_process_is_raised_as_it_is(workers: int) -> None:
    with pytest.raises(SourceError, match="photo 40 is missing"):
        list(in_order(_refuser, 40, range(100), workers))


def test_a_killed_process_is_no_hang() -> None:
    with pytest.raises(StageError, match="a worker process"):
        list(in_order(_dier, 40, range(100), 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks_no_results(workers: int) -> None:
    assert list(in_order(_adder, 0, [], workers)) == []


def test_one_worker_is_this_process() -> None:
    here = in_order(_process_of, None, range(3), 1)
    assert set(here) == {os.getpid()}
    assert os.getpid() not in set(in_order(_process_of, None, range(40), 2))
