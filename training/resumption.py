"""Everything that a run must remember to go on as if nothing had happened."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue
from torch import Tensor

from training.checkpoints.config import CheckpointsConfig
from training.checkpoints.save_clock import SaveClock
from training.checkpoints.state import PerRank, RowShard
from training.checkpoints.store import CheckpointStore
from training.meter import EpochMetrics, Meter
from training.step import TrainingStep


class Resumption:
    """A run's state by name, saved to and filled from a store."""

    def __init__(
        self,
        store: CheckpointStore,
        config: CheckpointsConfig,
        step: TrainingStep,
        meter: Meter,
        notes: Mapping[str, JsonValue],
    ) -> None:
        """Take the parts that change; `notes` are the caller's own, kept beside them."""
        self._store = store
        self._step = step
        self._meter = meter
        self._notes = dict(notes)
        self._clock = SaveClock(config, time.monotonic())
        self._config = config

    @property
    def folder(self) -> Path:
        """Where the checkpoints are."""
        return self._store.folder

    def belongs_here(self, num_steps: int, ended_epoch: int | None) -> bool:
        """Whether a checkpoint belongs after so many steps; the same answer on all processes.

        `ended_epoch`, from 1, is the one that they end, if they do.
        """
        keeps = ended_epoch is not None and self._config.keeps_epoch(ended_epoch)
        return keeps or self._clock.is_due_by_steps(num_steps)

    def is_due_by_time(self) -> bool:
        """Whether this process finds it is time for one."""
        return self._clock.is_due_by_time(time.monotonic())

    def save(self, num_steps: int, history: Sequence[EpochMetrics], *, ends_epoch: bool) -> None:
        """Save what is after `num_steps` steps; writing goes on in the background."""
        facts: dict[str, JsonValue] = {
            "history": [asdict(metrics) for metrics in history],
            "notes": self._notes,
        }
        keeps = ends_epoch and self._config.keeps_epoch(len(history))
        self._store.save(num_steps, self._state(), facts, keep=keeps)
        self._clock.saved(time.monotonic())

    def wait(self) -> None:
        """Wait until the last checkpoint is on the disk; raises what went wrong with it."""
        self._store.wait()

    def load(self) -> tuple[int, list[EpochMetrics]]:
        """Go back to the latest checkpoint; returns steps done and epochs recorded, 0 and none."""
        latest = self._store.latest()
        if latest is None:
            return 0, []
        state = self._state()
        facts = self._store.load(latest, state).facts
        history = [EpochMetrics(**row) for row in cast("list[dict[str, Any]]", facts["history"])]
        return latest, history

    def _state(self) -> dict[str, Tensor | RowShard | PerRank]:
        """Everything by name. No random state is in it: all that is drawn is keyed by step."""
        step = self._step
        momenta = step.optimiser.state
        body = {f"body.{name}": p.detach() for name, p in step.model.named_parameters()}
        momentum = {
            f"momentum.{name}": momenta[p]["momentum_buffer"]
            for name, p in step.model.named_parameters()
            if p in momenta
        }
        head = {f"head.{name}": value for name, value in step.head.state().items()}
        own = {"running_statistics": step.statistics.average, "meter": self._meter.sums}
        return {**body, **momentum, **head, **own, **step.loss_scale.state()}
