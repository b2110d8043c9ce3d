"""Rows of the curves, from what was metered and what the stopwatch says."""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.meter import ACCURACY, FEATURE_NORM, GRAD_NORM, LOSS, EpochMetrics, Meter
from training.step import StepSettings
from training.step_metrics import StepMetrics
from training.stopwatch import Stopwatch
from training.throughput import StepTimes, images_per_s, mfu, peak_memory_bytes
from training.validation import Separation


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What stays the same through a run."""

    samples_per_step: int
    steps_per_epoch: int
    flops_per_sample: float
    peak_flops: float | None
    """Of all devices together; None where nobody knows it."""
    grad_clip_norm: float
    device: torch.device


class Figures:
    """Makes rows; remembers when the last one was."""

    def __init__(self, facts: RunFacts, watch: Stopwatch) -> None:
        self._facts = facts
        self._watch = watch
        self._rows: list[Tensor] = []
        self._row_began = self._epoch_began = StepTimes.of(watch.totals())
        self._validation_s = watch.totals().get("validation", 0.0)
        self._steps_of_epoch = 0

    def add(self, rows: Tensor) -> None:
        """Take steps (n, 5) in that were read from the meter."""
        self._rows.append(rows)
        self._steps_of_epoch += len(rows)

    @property
    def step_s(self) -> float:
        """Seconds that a step of this epoch takes."""
        spent = StepTimes.of(self._watch.totals()) - self._epoch_began
        return spent.total_s / max(self._steps_of_epoch, 1)

    def of_steps(
        self, num_steps: int, settings: StepSettings, loss_scale: float | None
    ) -> StepMetrics:
        """Sum up the steps since the last row, of `num_steps` in all."""
        table = torch.cat(self._rows)
        self._rows.clear()
        now = StepTimes.of(self._watch.totals())
        times, self._row_began = now - self._row_began, now
        speed = self._speed(len(table), times)
        taken = torch.isfinite(table[:, GRAD_NORM])
        norms = table[taken, GRAD_NORM]
        return StepMetrics(
            step=num_steps,
            epoch=num_steps / self._facts.steps_per_epoch,
            loss=float(table[:, LOSS].mean()),
            accuracy=float(table[:, ACCURACY].mean()),
            learning_rate=settings.learning_rate,
            margin_share=settings.margin_share,
            grad_norm=float(norms.mean()) if len(norms) else 0.0,
            clipped_share=float((norms > self._facts.grad_clip_norm).double().sum() / len(table)),
            feature_norm=float(table[:, FEATURE_NORM].mean()),
            loss_scale=loss_scale,
            skipped_steps=int((~taken).sum()),
            samples_per_s=speed,
            times=times,
            mfu=self._mfu(speed),
            peak_memory_bytes=peak_memory_bytes(self._facts.device),
        )

    def of_epoch(
        self, epoch: int, meter: Meter, settings: StepSettings, found: Separation | None
    ) -> EpochMetrics:
        """Sum up an epoch, counted from 1, that has just ended and was validated or not."""
        totals = self._watch.totals()
        now = StepTimes.of(totals)
        times, self._epoch_began = now - self._epoch_began, now
        validation_s = totals.get("validation", 0.0)
        spent_s, self._validation_s = validation_s - self._validation_s, validation_s
        speed = self._speed(self._steps_of_epoch, times)
        self._steps_of_epoch = 0
        return EpochMetrics(
            epoch=epoch,
            loss=meter.mean(LOSS),
            accuracy=meter.mean(ACCURACY),
            learning_rate=settings.learning_rate,
            samples_per_s=speed,
            feature_norm=meter.mean(FEATURE_NORM),
            grad_norm=meter.mean(GRAD_NORM),
            skipped_steps=meter.skipped_steps,
            data_wait_share=times.data_wait_share,
            mfu=self._mfu(speed),
            peak_memory_bytes=peak_memory_bytes(self._facts.device),
            train_s=times.total_s,
            validation_s=spent_s,
            validation_auc=found.auc if found else None,
            validation_tar=found.tar if found else None,
        )

    def _speed(self, num_steps: int, times: StepTimes) -> float:
        return images_per_s(num_steps * self._facts.samples_per_step, times.total_s)

    def _mfu(self, speed: float) -> float | None:
        return mfu(speed, self._facts.flops_per_sample, self._facts.peak_flops)
