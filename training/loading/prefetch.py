"""Make things in a thread ahead of the one who takes them."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing a thread hands over, with the error that ended it, if any."""

    error: BaseException | None


class Prefetched(Generic[Item]):
    """An iterator whose items a thread makes, `depth` of them ahead. Close it after use."""

    def __init__(self, items: Iterator[Item], depth: int) -> None:
        """Start at once; `items` is used in the thread only, `depth` >= 1."""
        self.waited_s = 0.0
        """How long the taker has waited for items."""
        self._made: queue.Queue[Item | _End] = queue.Queue(depth)
        self._is_closed = threading.Event()
        # A daemon, so that even one who forgets to close can leave the interpreter.
        self._thread = threading.Thread(
            target=self._make, args=(items,), name="prefetch", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        """Wait for the next item; raises what the thread raised."""
        if self._is_closed.is_set():
            raise StopIteration
        start = time.perf_counter()
        made = self._made.get()
        self.waited_s += time.perf_counter() - start
        if not isinstance(made, _End):
            return made
        self.close()
        if made.error is not None:
            raise made.error
        raise StopIteration

    def close(self) -> None:
        """End the thread, after the item it is at, and drop what was made ahead."""
        self._is_closed.set()
        self._drop()  # one place free is enough for a thread that waits to put
        self._thread.join()
        self._drop()

    def _make(self, items: Iterator[Item]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                self._made.put(item)
                if self._is_closed.is_set():
                    break
        except BaseException as raised:
            error = raised
        if not self._is_closed.is_set():
            self._made.put(_End(error))

    def _drop(self) -> None:
        while True:
            try:
                self._made.get_nowait()
            except queue.Empty:
                return
