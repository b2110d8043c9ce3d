"""Stage `train`: an iResNet with a margin head on the people of the train split."""

import hashlib
import json
import logging
import shutil
import signal
import sys
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from data.files import sha256_file, whole_folder, write_json
from pipelines.launch import launch, num_processes
from pipelines.launched import is_rank
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.tracking import RunRecord, flatten, start_training_run, write_run_record
from pipelines.training_inputs import TrainingInputs, read_inputs
from pipelines.training_record import Recorder, figures_of, provenance_of, write_curves
from training.checkpoints.store import CheckpointStore
from training.errors import TrainingInterruptedError
from training.meter import EpochMetrics
from training.network.checkpoint import save_checkpoint
from training.step_metrics import StepMetrics
from training.trainer import Resume
from training.trainer import train as fit
from training.world import World, open_world

_RUN_NOTE: Final = "mlflow_run_id"
_STOPPED_STATUS: Final = 128 + signal.SIGTERM
_OF_NO_CONSEQUENCE: Final = (
    "checkpoints",
    "device",
    "loader",
    "log_every_steps",
    "processes",
    "threads",
)
"""Settings that a run may change when it goes on: they decide how fast it is, not what it does."""


def train(params: Params, layout: Layout) -> None:
    """Write `artifacts/train`: the checkpoint, `run.json` and a model card; curves go to MLflow."""
    processes = num_processes(params.train.processes, params.train.device)
    if processes > 1 and not is_rank():
        launch((sys.executable, "-m", "pipelines", "train"), processes, params.train.threads)
        return
    try:
        with open_world(params.train.device) as world:
            train_worker(params, layout, world)
    except TrainingInterruptedError as stopped:
        logging.getLogger(__name__).warning("%s", stopped)
        sys.exit(_STOPPED_STATUS)


def train_worker(params: Params, layout: Layout, world: World) -> None:
    """Do one process's part; the main one also writes what the stage leaves.

    Raises `TrainingInterruptedError` where SIGTERM ended it; started again, it goes on.
    """
    inputs = read_inputs(layout)
    with open_store(params, layout, world, inputs) as store:
        latest = store.latest()
        if world.is_main:
            resumed_run = None if latest is None else run_of(store.facts(latest))
            _train_and_record(params, layout, world, inputs, store, resumed_run)
        else:
            fit(params.train, inputs.data, world, _Nobody(), Resume(store, {}))
    if world.is_main and params.train.checkpoints.keep_every_epochs is None:
        shutil.rmtree(store.folder)  # `artifacts/train` is there now


def open_store(
    params: Params, layout: Layout, world: World, inputs: TrainingInputs
) -> CheckpointStore:
    """Open where a run with these parameters and these people keeps its checkpoints."""
    recipe = params.train.model_dump(mode="json", exclude=set(_OF_NO_CONSEQUENCE))
    identity = {
        **{f"train.{name}": json.dumps(value, sort_keys=True) for name, value in recipe.items()},
        "curated_manifest": inputs.manifest_sha256,
    }
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return CheckpointStore(layout.checkpoints / key, params.train.checkpoints, world, identity)


def run_of(facts: Mapping[str, JsonValue]) -> str | None:
    """MLflow run that a checkpoint was written in."""
    notes = facts.get("notes")
    run_id = notes.get(_RUN_NOTE) if isinstance(notes, dict) else None
    return run_id if isinstance(run_id, str) else None


def _train_and_record(
    params: Params,
    layout: Layout,
    world: World,
    inputs: TrainingInputs,
    store: CheckpointStore,
    resumed_run: str | None,
) -> None:
    """Train as the main process, inside the one MLflow run of the model."""
    provenance = provenance_of(layout, inputs)
    tags = {f"examgate.{name}": value for name, value in provenance.items()}
    recipe = flatten(params.model_dump(mode="json"))
    with start_training_run(layout.root, recipe, tags, resumed_run) as run_id:
        recorder = Recorder(params, inputs, world, is_resumed=resumed_run is not None)
        recorder.log_examples()
        resume = Resume(store, {_RUN_NOTE: run_id})
        result = fit(params.train, inputs.data, world, recorder, resume)
        recorder.log_curves()
        with whole_folder(layout.trained) as folder:
            checkpoint = folder / layout.checkpoint.name
            save_checkpoint(checkpoint, result.model)
            digest = sha256_file(checkpoint)
            record = RunRecord(mlflow_run_id=run_id, checkpoint_sha256=digest, **provenance)
            write_run_record(folder / layout.run.name, record)
            recorder.write_card(folder / "model_card.md", record, result)
    write_curves(result.history, layout.plots / "training.csv")
    write_json(layout.metrics("train"), figures_of(result.history[-1]))


class _Nobody:
    """Listens to nothing: only the main process tells."""

    def on_steps(self, metrics: StepMetrics) -> None:
        """Do nothing."""

    def on_epoch(self, metrics: EpochMetrics) -> None:
        """Do nothing."""
