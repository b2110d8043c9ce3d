"""Copies of a state in host memory, taken at once, so that training may go on."""

from dataclasses import replace

import torch
from torch import Tensor

from training.checkpoints.state import State, Value, tensor_of


class HostCopies:
    """Memory for one copy of a state, which the next copy uses again.

    Where the state is on a GPU the memory is pinned, since only then is the way there fast.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def take(self, state: State) -> dict[str, Value]:
        """The state as it is now, in host memory, contiguous. Overwrites the copy before."""
        copies = {name: self._copied(name, value) for name, value in state.items()}
        for device in {tensor_of(value).device for value in state.values()}:
            if device.type == "cuda":
                torch.cuda.current_stream(device).synchronize()
        return copies

    def _copied(self, name: str, value: Value) -> Value:
        tensor = tensor_of(value).detach()
        buffer = self._buffer(name, tensor)
        buffer.copy_(tensor, non_blocking=True)
        return buffer if isinstance(value, Tensor) else replace(value, tensor=buffer)

    def _buffer(self, name: str, tensor: Tensor) -> Tensor:
        buffer = self._buffers.get(name)
        if buffer is None or (buffer.shape, buffer.dtype) != (tensor.shape, tensor.dtype):
            # Not `empty_like`: it would keep the strides of channels_last, and files have none.
            buffer = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
            self._buffers[name] = buffer
        return buffer
