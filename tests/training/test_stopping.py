import os
import signal
import threading

import pytest

from training.stopping import StopRequest, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_request_and_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as request:
        os.kill(os.getpid(), number)
        assert request.is_made
        os.kill(os.getpid(), number)  # asked once more: nothing is cut short
    assert signal.getsignal(number) is before


def test_another_thread_is_not_asked() -> None:
    found: list[StopRequest] = []

    def work() -> None:
        with stop_on_signals() as request:
            found.append(request)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [request.is_made for request in found] == [False]
