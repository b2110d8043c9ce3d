"""From a source of crops to the steps of a run, made ahead of time in a thread.

Which samples a step holds, and how they are changed, follows from seed and step alone: not from the
number of processes, the threads, or the step that a run was begun or taken up again at.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from training.augmentation.augment import AugmentConfig, Draws, augmented, draw
from training.augmentation.pixels import to_network_input
from training.loading.arrays import Labels, Rows
from training.loading.batches import MicroBatch, StepBatch
from training.loading.crop_sources import CROP_SHAPE, CropSource
from training.loading.order import SampleOrder
from training.loading.plan import StepPlan
from training.loading.prefetch import Prefetched
from training.loading.shipment import Shipment, shipping_stream
from training.world import World

_PARTS_OF_A_THREAD: Final = 4
"""Into how many parts each thread's work is cut, so that none waits long for another."""


class LoaderConfig(BaseModel):
    """How batches are made ready. Nothing here changes what is in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decode_threads: int = Field(default=1, ge=1, le=256)
    """Threads that read and decode crops; a core decodes some 10,000 JPEGs a second."""
    prefetch_steps: int = Field(default=2, ge=1, le=64)
    """Steps that are made ready ahead of the one that is computed."""


@dataclass(frozen=True, slots=True)
class _Samples:
    """What a step is made of, before anything is read."""

    step: int
    epoch: int
    labels: Labels
    """(batch_size,), of all processes."""
    own_rows: Rows
    """(accumulation, micro_batch_size), and so the keys."""
    own_keys: Rows


class Loader:
    """The steps of one process. A context manager: leaving it ends all its threads."""

    def __init__(
        self,
        source: CropSource,
        labels: Labels,
        order: SampleOrder,
        plan: StepPlan,
        world: World,
        augmentation: AugmentConfig,
        config: LoaderConfig,
    ) -> None:
        """Take all crops and their classes (n,), and which of them come when and where."""
        self._source = source
        self._labels = labels.astype(np.int64, copy=False)
        self._order = order
        self._plan = plan
        self._world = world
        self._augmentation = augmentation
        self._config = config
        self._stream = shipping_stream(world.device)
        self._readers = ThreadPoolExecutor(config.decode_threads, thread_name_prefix="decode")
        self._ahead: Prefetched[tuple[StepBatch, Shipment]] | None = None
        self._waited_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def data_wait_s(self) -> float:
        """Seconds that steps were waited for, in all."""
        return self._waited_s + (self._ahead.waited_s if self._ahead else 0.0)

    def steps(self, first_step: int, last_step: int) -> Iterator[StepBatch]:
        """Begin to make steps [first_step, last_step) and return an iterator over them.

        Steps of an earlier call end. The iterator raises `TrainingDataError` where a crop cannot be
        read.
        """
        self._end_steps()
        made = self._made(range(first_step, last_step))
        self._ahead = Prefetched(made, self._config.prefetch_steps)
        return self._arriving(self._ahead)

    def close(self) -> None:
        """End all threads, also in the middle of an epoch."""
        self._end_steps()
        self._readers.shutdown()

    def _end_steps(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._waited_s += self._ahead.waited_s
            self._ahead = None

    def _arriving(self, ahead: Prefetched[tuple[StepBatch, Shipment]]) -> Iterator[StepBatch]:
        try:
            for batch, shipment in ahead:
                shipment.arrive()
                yield batch
        finally:
            ahead.close()

    def _made(self, steps: Iterable[int]) -> Iterator[tuple[StepBatch, Shipment]]:
        # Of this thread alone: on a CPU the network computes on all cores meanwhile.
        torch.set_num_threads(1)
        for samples in self._announced(steps):
            shipment = Shipment(self._world.device, self._stream)
            yield self._batch(samples, shipment), shipment

    def _announced(self, steps: Iterable[int]) -> Iterator[_Samples]:
        """Samples of each step, when the pages of the next one have been asked for."""
        current: _Samples | None = None
        for step in steps:
            following = self._samples(step)
            self._source.fetch_ahead(following.own_rows.ravel())
            if current is not None:
                yield current
            current = following
        if current is not None:
            yield current

    def _samples(self, step: int) -> _Samples:
        epoch = self._plan.epoch_of(step)
        rows, keys = self._order.at(epoch, self._plan.positions(step))
        own_rows, own_keys = self._own(rows), self._own(keys)
        return _Samples(step, epoch, self._labels[rows], own_rows, own_keys)

    def _own(self, values: Rows) -> Rows:
        return values.reshape(self._plan.shape)[:, self._world.rank]

    def _batch(self, samples: _Samples, shipment: Shipment) -> StepBatch:
        crops = shipment.send(self._crops(samples.own_rows.ravel(), shipment))
        crops = crops.view(*samples.own_rows.shape, *CROP_SHAPE)
        labels = shipment.send(torch.from_numpy(samples.labels))
        rounds = labels.view(self._plan.shape)
        micro = []
        for index, keys in enumerate(samples.own_keys):
            draws = self._draws(samples.epoch, keys).moved(shipment.send)
            with shipment.computing():
                changed = shipment.own(self._changed(crops[index], draws))
            batch = MicroBatch(
                crops_rgb_u8=crops[index],
                crops=changed,
                labels=rounds[index, self._world.rank],
                round_labels=rounds[index].flatten(),
                draws=draws,
                rows=samples.own_rows[index],
            )
            micro.append(batch)
        return StepBatch(samples.step, samples.epoch, labels, tuple(micro))

    def _changed(self, crops_rgb_u8: Tensor, draws: Draws) -> Tensor:
        """What the network sees of crops."""
        crops = augmented(to_network_input(crops_rgb_u8), draws, self._augmentation)
        return crops.contiguous(memory_format=torch.channels_last)

    def _draws(self, epoch: int, keys: Rows) -> Draws:
        return draw(self._augmentation, self._order.seed, epoch, keys)

    def _crops(self, rows: Rows, shipment: Shipment) -> Tensor:
        crops = shipment.empty_u8(len(rows), *CROP_SHAPE)
        into = crops.numpy()
        num_parts = min(len(rows), self._config.decode_threads * _PARTS_OF_A_THREAD)
        bounds = np.linspace(0, len(rows), num_parts + 1).astype(int).tolist()

        def read(start: int, end: int) -> None:
            self._source.read_into(rows[start:end], into[start:end])

        for _ in self._readers.map(read, bounds[:-1], bounds[1:]):
            pass
        return crops
