"""Words between the processes about a checkpoint, beside the training's own traffic."""

import json
from collections.abc import Callable
from datetime import timedelta

import torch
from pydantic import JsonValue
from torch import Tensor, distributed

from training.errors import CheckpointError
from training.world import World


class Exchange:
    """Small JSON messages over gloo, in a group of its own: it is used from another thread.

    With one process there is no group. All processes make it at the same time, and call the same
    methods in the same order, from one thread at a time.
    """

    def __init__(self, world: World, timeout: timedelta) -> None:
        self._world = world
        self._group: distributed.ProcessGroup | None = None
        if world.size > 1:
            self._group = distributed.new_group(backend="gloo", timeout=timeout)

    def everyone(self, act: Callable[[], JsonValue]) -> list[JsonValue]:
        """Let every process act; what each answered, in the order of ranks.

        Where one raises, all raise: it what it raised, but `CheckpointError` for an `OSError`; the
        others a `CheckpointError` that says so. They do too where a process is gone.
        """
        answer: JsonValue = None
        failure: Exception | None = None
        try:
            answer = act()
        except OSError as error:
            failure = CheckpointError(str(error))
        except Exception as error:  # whatever it is, the others must not wait for this process
            failure = error
        try:
            told = self._gather(
                [answer, None if failure is None else str(failure) or repr(failure)]
            )
        finally:
            if failure is not None:
                raise failure
        for rank, (_, error_text) in enumerate(told):
            if error_text is not None:
                raise CheckpointError(f"process {rank} of {self._world.size}: {error_text}")
        return [answer for answer, _ in told]

    def main(self, act: Callable[[], JsonValue]) -> JsonValue:
        """Let the main process act; what it answered, on every process."""
        return self.everyone(lambda: act() if self._world.is_main else None)[0]

    def _gather(self, message: list[JsonValue]) -> list[tuple[JsonValue, str | None]]:
        if self._world.size == 1:
            texts = [json.dumps(message).encode()]
        else:
            texts = self._gather_bytes(json.dumps(message).encode())
        return [tuple(json.loads(text)) for text in texts]

    def _gather_bytes(self, content: bytes) -> list[bytes]:
        try:
            lengths = self._all_gather(torch.tensor([len(content)])).tolist()
            padded = torch.frombuffer(bytearray(content.ljust(max(lengths))), dtype=torch.uint8)
            rows = self._all_gather(padded).reshape(self._world.size, -1)
        except RuntimeError as error:
            raise CheckpointError(
                f"process {self._world.rank} of {self._world.size} lost the others over a"
                f" checkpoint ({error}); those written before are as they were: start the run again"
            ) from error
        return [row[:length].numpy().tobytes() for row, length in zip(rows, lengths, strict=True)]

    def _all_gather(self, values: Tensor) -> Tensor:
        whole = values.new_empty(self._world.size * len(values))
        distributed.all_gather_single(whole, values, group=self._group)
        return whole
