"""Bring what a thread made on the host to the device, beside what is computed there."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


class Shipment:
    """The tensors of one step on their way; on a CPU they are where they must be already.

    A thread sends them on a stream of their own, and whoever computes makes his stream wait for
    them, not the host.
    """

    def __init__(self, device: torch.device, stream: torch.cuda.Stream | None) -> None:
        """Take the stream to send on; None on a CPU."""
        self._device = device
        self._stream = stream
        self._sent: list[Tensor] = []
        self._event: torch.cuda.Event | None = None

    def empty_u8(self, *shape: int) -> Tensor:
        """Bytes on the host that can be sent without another copy."""
        if self._stream is None:
            # numpy asks for huge pages: torch's memory costs a page fault for every 4 kB.
            return torch.from_numpy(np.empty(shape, np.uint8))
        # Pinned memory is cached by torch, and not given out again before its copy has ended.
        with torch.cuda.stream(self._stream):
            return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def send(self, tensor: Tensor) -> Tensor:
        """Start the copy of a tensor on the host; returns it on the device."""
        if self._stream is None:
            return tensor
        with torch.cuda.stream(self._stream):
            sent = tensor.pin_memory().to(self._device, non_blocking=True)
            self._event = self._stream.record_event()
        self._sent.append(sent)
        return sent

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Within, the device computes on the stream that things are sent on."""
        if self._stream is None:
            yield
            return
        with torch.cuda.stream(self._stream):
            yield
            self._event = self._stream.record_event()

    def own(self, made: Tensor) -> Tensor:
        """Take in what was computed on the way; returns it."""
        self._sent.append(made)
        return made

    def arrive(self) -> None:
        """Make the current stream wait for all that was sent, and own it from here on."""
        if self._event is None:
            return
        current = torch.cuda.current_stream(self._device)
        current.wait_event(self._event)
        for tensor in self._sent:
            # Its memory came from another stream and must not go back to that one too early.
            tensor.record_stream(current)


def shipping_stream(device: torch.device) -> torch.cuda.Stream | None:
    """Open a stream for shipments to a GPU; None for a CPU, which needs none."""
    if device.type != "cuda":
        return None
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch's own
