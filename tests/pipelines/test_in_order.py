"""Several processes: order, bounded appetite, and errors that come through."""

import os
from collections.abc import Iterator, Sequence

import pytest

from data.errors import SourceError
from pipelines.errors import StageError
from pipelines.in_order import in_order

_offset: dict[str, int] = {}


def _start(offset: int) -> None:
    _offset["offset"] = offset


def _add(tasks: Sequence[int]) -> list[int]:
    return [task + _offset["offset"] for task in tasks]


def _refuse(tasks: Sequence[int]) -> list[int]:
    if 40 in tasks:
        raise SourceError("photo 40 is missing")
    return list(tasks)


def _die(tasks: Sequence[int]) -> list[int]:
    if 40 in tasks:
        os._exit(9)
    return list(tasks)


def test_results_come_in_order_and_few_tasks_are_taken_ahead() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for task in range(1000):
            taken += 1
            yield task

    results = in_order(_add, tasks(), 2, _start, (7,))
    assert next(results) == 7
    assert taken < 300
    assert list(results) == list(range(8, 1007))


def test_an_error_of_a_process_is_raised_as_it_is() -> None:
    with pytest.raises(SourceError, match="photo 40 is missing"):
        list(in_order(_refuse, range(100), 1, _start, (0,)))


def test_a_killed_process_is_no_hang() -> None:
    with pytest.raises(StageError, match="a worker process"):
        list(in_order(_die, range(100), 1, _start, (0,)))


def test_no_tasks_no_results() -> None:
    assert list(in_order(_add, [], 1, _start, (0,))) == []
