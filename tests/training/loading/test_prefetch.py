import threading
import time
from collections.abc import Iterator

import pytest

from training.loading.prefetch import Prefetched


def _threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_items_come_in_order_and_the_thread_ends(depth: int) -> None:
    made = Prefetched(iter(range(20)), depth)
    assert list(made) == list(range(20))
    assert _threads() == 0
    assert list(made) == []


def test_items_are_made_ahead_and_no_further() -> None:
    count, enough = 0, threading.Event()

    def items() -> Iterator[int]:
        nonlocal count
        for item in range(100):
            count += 1
            if count == 4:
                enough.set()
            yield item

    made = Prefetched(items(), 3)
    assert enough.wait(30)  # nothing was taken: three are ready, and one waits for a place
    time.sleep(0.02)
    assert count == 4
    made.close()
    assert _threads() == 0


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("broken")

    made = Prefetched(items(), 5)
    assert next(made) == 1
    with pytest.raises(KeyError, match="broken"):
        next(made)
    assert _threads() == 0
    with pytest.raises(StopIteration):
        next(made)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_closing_in_the_middle_ends_the_maker(taken: int) -> None:
    is_closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            is_closed.set()

    made = Prefetched(items(), 2)
    for _ in range(taken):
        next(made)
    made.close()
    made.close()
    assert _threads() == 0
    assert is_closed.wait(30)


def test_waiting_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s, asked = 0.0, threading.Event()

    def clock_s() -> float:
        asked.set()
        return now_s

    def items() -> Iterator[int]:
        nonlocal now_s
        asked.wait(30)
        now_s += 3.0
        yield 1

    monkeypatch.setattr("training.loading.prefetch.time.perf_counter", clock_s)
    made = Prefetched(items(), 1)
    assert next(made) == 1
    assert made.waited_s == 3.0
    made.close()
