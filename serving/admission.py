"""A bounded number of requests inside; one more is told to come back, not left to wait."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.problems import ProblemError


class Admission:
    """Counts requests in work or waiting for it. Used by one event loop, so it needs no lock.

    A place is taken before the body is read, so memory is bounded by places times body limit.
    """

    def __init__(self, places: int, retry_after_s: int) -> None:
        self._places = places
        self._retry_after_s = retry_after_s
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many requests are inside."""
        return self._taken

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; raises `ProblemError` (overloaded) where none is free."""
        if self._taken >= self._places:
            raise ProblemError(
                "overloaded",
                f"{self._taken} comparisons are in work or waiting",
                headers={"Retry-After": str(self._retry_after_s)},
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
