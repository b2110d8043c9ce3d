"""`examgate train --dry-run`: is the data there, will it fit, and do two real steps run?

Nothing is written: no artifact, no MLflow run, no checkpoint.
"""

from collections.abc import Iterator
from typing import Final

from pipelines.data_at_hand import data_at_hand
from pipelines.forecast import Forecast
from pipelines.launch import num_processes
from pipelines.layout import Layout
from pipelines.params import Params
from training.config import TrainConfig
from training.cost.memory import readable
from training.loading.training_data import TrainingData
from training.meter import EpochMetrics
from training.step_metrics import StepMetrics
from training.trainer import train
from training.validation import divide
from training.world import alone

NUM_STEPS: Final = 2


def dry_run(params: Params, layout: Layout) -> Iterator[str]:
    """Check a recipe and rehearse it, line by line as it goes.

    Raises a typed error for what would stop the run.
    """
    data = data_at_hand(params, layout)
    data.check()
    yield _about(data)
    config = params.train
    division = divide(data.labels, config.validation, config.seed)
    yield from Forecast(
        config,
        num_classes=len(division.class_labels),
        num_crops=len(division.train_rows),
        processes=config.processes or num_processes(None, config.device),
    ).lines()
    yield f"rehearsal   {NUM_STEPS} steps in one process on {alone(config.device).device}"
    for step in rehearse(config, data):
        yield (
            f"  step {step.step}: loss {step.loss:.3f}, {step.samples_per_s:,.0f} images/s,"
            f" at most {readable(step.peak_memory_bytes)} so far"
        )


def rehearse(config: TrainConfig, data: TrainingData) -> list[StepMetrics]:
    """Two steps of the trainer on real crops, in this process alone. The first starts all up."""
    watcher = _Watcher()
    telling = config.model_copy(update={"processes": 1, "log_every_steps": 1})
    train(telling, data, alone(config.device), watcher, stop_after_steps=NUM_STEPS)
    return watcher.steps


class _Watcher:
    """Remembers what the trainer tells."""

    def __init__(self) -> None:
        self.steps: list[StepMetrics] = []

    def on_steps(self, metrics: StepMetrics) -> None:
        self.steps.append(metrics)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """Two steps may be a whole epoch; there is nothing to do then."""


def _about(data: TrainingData) -> str:
    num_trained = int((data.labels >= 0).sum())
    num_people = int(data.labels.max(initial=-1)) + 1
    return (
        f"data        {data.crops.name}: {len(data.labels):,} images, of which {num_trained:,} of"
        f" {num_people:,} people are in the train split"
    )
