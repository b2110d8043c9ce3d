"""May this server decide anything? Only while its engine passes its self-test."""

import logging
import time
from collections.abc import Callable

import anyio
import anyio.to_thread

_log = logging.getLogger(__name__)


class Readiness:
    """Runs a self-test in a worker thread and trusts its result for a while."""

    def __init__(self, self_test: Callable[[], None], trust_s: float) -> None:
        self._self_test = self_test
        self._trust_s = trust_s
        self._tested_s: float | None = None
        self._passed = False
        self._one_at_a_time = anyio.Lock()

    @property
    def passed(self) -> bool:
        """Whether the last self-test passed; False before the first."""
        return self._passed

    async def check(self) -> bool:
        """Whether the last self-test passed; runs it again where it is too old to be trusted."""
        async with self._one_at_a_time:
            now_s = time.monotonic()
            if self._tested_s is None or now_s - self._tested_s >= self._trust_s:
                self._passed = await anyio.to_thread.run_sync(self._run)
                self._tested_s = time.monotonic()
        return self._passed

    def _run(self) -> bool:
        try:
            self._self_test()
        except Exception:  # whatever it is, a server that fails its self-test must not decide
            _log.exception("the self-test failed")
            return False
        return True
