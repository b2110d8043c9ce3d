"""What the main process of a training run tells MLflow, and leaves beside the weights."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from data.files import sha256_file
from pipelines.batch_pictures import first_examples
from pipelines.hardware import energy_counter_j, hardware
from pipelines.layout import Layout
from pipelines.lineage import TRAINED_LICENCE, code_sha256, git_commit
from pipelines.model_card import CostFacts, DataFacts, ModelCard, network_facts
from pipelines.params import Params
from pipelines.run_records import log_curves, log_examples, log_step, write_model_card
from pipelines.tracking import RunRecord, flatten, log_figures
from pipelines.training_inputs import TrainingInputs
from training.loading.order import SampleOrder
from training.meter import EpochMetrics
from training.step_metrics import StepMetrics
from training.trainer import TrainResult
from training.validation import divide
from training.world import World

_NUM_EXAMPLES: Final = 32
_DRAWN_EVERY_S: Final = 60.0


class Recorder:
    """Listens to a run."""

    def __init__(
        self, params: Params, inputs: TrainingInputs, world: World, *, is_resumed: bool
    ) -> None:
        self._params, self._inputs, self._world = params, inputs, world
        self._is_resumed = is_resumed
        self._steps: list[StepMetrics] = []
        self._drawn_s = time.monotonic()
        self._energy_before_j = energy_counter_j(world.device)

    def on_steps(self, metrics: StepMetrics) -> None:
        """Log a row of figures."""
        self._steps.append(metrics)
        log_step(metrics)

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """Log an epoch; now and then, draw the curves anew."""
        log_figures(figures_of(metrics), step=metrics.epoch)
        if time.monotonic() - self._drawn_s > _DRAWN_EVERY_S:
            self.log_curves()

    def log_curves(self) -> None:
        """Draw the rows so far, which takes about a second."""
        if self._steps:
            log_curves(self._steps)
        self._drawn_s = time.monotonic()

    def log_examples(self) -> None:
        """Show the first crops of the first epoch, as they are and as the network sees them."""
        data, config = self._inputs.data, self._params.train
        rows = divide(data.labels, config.validation, config.seed).train_rows
        order = SampleOrder(rows, len(data.labels), data.weights, config.seed)
        log_examples(first_examples(data, order, config.augmentation, _NUM_EXAMPLES), epoch=1)

    def write_card(self, path: Path, record: RunRecord, result: TrainResult) -> None:
        """Write and log the model card, with the figures of the last epoch."""
        card = ModelCard(
            name=self._params.export.name,
            licence=TRAINED_LICENCE,
            network=network_facts(self._params),
            data=self._data_facts(result),
            recipe=flatten(self._params.train.model_dump(mode="json")),
            last_epoch=figures_of(result.history[-1]),
            cost=self._cost(result),
            run=record,
        )
        write_model_card(path, card)

    def _data_facts(self, result: TrainResult) -> DataFacts:
        labels = self._inputs.data.labels
        people = np.unique(labels[labels >= 0])
        return DataFacts(
            source_kind=self._params.ingest.source.kind,
            num_people=len(result.class_labels),
            num_crops=int(np.isin(labels, result.class_labels).sum()),
            num_people_aside=len(people) - len(result.class_labels),
        )

    def _cost(self, result: TrainResult) -> CostFacts:
        return CostFacts(
            hardware=hardware(self._world.device, self._world.size),
            wall_time_s=sum(m.train_s + m.validation_s for m in result.history),
            energy_j=self._energy_j(),
        )

    def _energy_j(self) -> float | None:
        """Of one GPU that did it all; of several, or of a part of a run, nobody has the sum."""
        before_j, after_j = self._energy_before_j, energy_counter_j(self._world.device)
        if before_j is None or after_j is None or self._world.size > 1 or self._is_resumed:
            return None
        return after_j - before_j


def provenance_of(layout: Layout, inputs: TrainingInputs) -> dict[str, str]:
    """Digests of code, parameters and data, and the commit."""
    return {
        "git_commit": git_commit(layout.root),
        "code_sha256": code_sha256(layout.root),
        "params_sha256": sha256_file(layout.params),
        "data_sha256": inputs.sha256(),
    }


def figures_of(metrics: EpochMetrics) -> dict[str, float]:
    """Everything an epoch measured, by name, except its number."""
    return {
        name: float(value)
        for name, value in asdict(metrics).items()
        if name != "epoch" and value is not None
    }


def write_curves(history: tuple[EpochMetrics, ...], path: Path) -> None:
    """Write one row for each epoch, for `dvc plots`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([{"epoch": m.epoch, **figures_of(m)} for m in history]).to_csv(path, index=False)
