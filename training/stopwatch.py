"""Where the seconds of a step go, measured without waiting for the device.

Whoever opens or closes a part leaves a mark: an event in the order of the device's work. On a GPU
the marks are read much later, when the device has passed them, so that nothing waits for it; on a
CPU a mark is a look at the clock. Time between two marks belongs to the innermost open part. On a
GPU the part `data` is therefore the time in which the device starved, not that in which the host
sat in the loader while the device still had work.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, Protocol, Self

import torch

Part = Literal["data", "forward", "head", "backward", "optimiser", "validation", "saving"]
REST: Final = "rest"
"""What no part was open for."""
_FOLD_ABOVE_MARKS: Final = 512


class Event(Protocol):
    """A point in the order of the device's work; `torch.cuda.Event` is one."""

    def record(self) -> None:
        """Put it after the work that was given to the device so far."""

    def query(self) -> bool:
        """Whether the device has passed it; does not wait."""

    def synchronize(self) -> None:
        """Wait until the device has passed it."""

    def elapsed_time(self, end_event: Self) -> float:
        """Milliseconds from here to a later one; both have been passed."""


class HostEvent:
    """A point in the time of a CPU, which does its work at once."""

    __slots__ = ("_at_s",)

    def __init__(self) -> None:
        self._at_s = 0.0

    def record(self) -> None:
        """Look at the clock."""
        self._at_s = time.perf_counter()

    def query(self) -> bool:
        """Always: a CPU has done what it was given."""
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def elapsed_time(self, end_event: Self) -> float:
        """Milliseconds from here to a later one."""
        return 1000 * (end_event._at_s - self._at_s)


class Stopwatch:
    """Adds up seconds by part. Cheap enough to stay on: a mark for each opening and closing."""

    def __init__(self, make_event: Callable[[], Event]) -> None:
        self._make_event = make_event
        self._marks: deque[tuple[Event, str]] = deque()
        """Marks that are not added up yet, each with the part that begins there."""
        self._spare: list[Event] = []
        self._open: list[str] = [REST]
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: Part) -> Iterator[None]:
        """Count what happens inside for a part; a part inside it stops its clock."""
        self._open.append(name)
        self._mark()
        try:
            yield
        finally:
            self._open.pop()
            self._mark()

    def totals(self) -> dict[str, float]:
        """Seconds by part since the first mark; `rest` is the time of no part.

        Waits for the device to pass the last mark: call it where the host waits anyway. What was
        after the last mark is counted the next time.
        """
        if self._marks:
            self._marks[-1][0].synchronize()
            self._fold()
        return dict(self._seconds)

    def _mark(self) -> None:
        event = self._spare.pop() if self._spare else self._make_event()
        event.record()
        self._marks.append((event, self._open[-1]))
        if len(self._marks) > _FOLD_ABOVE_MARKS:
            self._fold()

    def _fold(self) -> None:
        """Add up, and reuse, the marks that the device has passed; the last one begins the next."""
        while len(self._marks) > 1 and self._marks[1][0].query():
            event, name = self._marks.popleft()
            self._seconds[name] += event.elapsed_time(self._marks[0][0]) / 1000
            self._spare.append(event)


def make_event(device: torch.device) -> Event:
    """Give an event of a device, not recorded yet."""
    if device.type == "cuda":
        # torch's own constructor has no types.
        return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return HostEvent()


def stopwatch(device: torch.device) -> Stopwatch:
    """Give the stopwatch of a device: CUDA events on a GPU, the clock elsewhere."""
    return Stopwatch(lambda: make_event(device))
