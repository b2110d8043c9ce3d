"""SIGTERM and Ctrl-C: finish the step, save, and leave."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Whether somebody has asked this process to stop."""

    def __init__(self) -> None:
        self.is_made = False

    def make(self, _signum: int = 0, _frame: FrameType | None = None) -> None:
        """Ask. Once more changes nothing: the saving must not be cut short."""
        self.is_made = True


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn both signals into a request, and back into what they were afterwards.

    Only a main thread can do so; elsewhere, as in Ray's workers, nobody asks.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.make) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
