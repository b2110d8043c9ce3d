"""MLflow: one run for each trained model, resumed by the stages that follow.

`train` starts the run and writes its id to `run.json`; that file is a declared output, so a result
restored from DVC's cache keeps the run it came from. Where the tracking server is another one than
at that time, the run is not there: then a stand-in is opened once, tagged with the run it stands
for, and found by that tag from then on.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import mlflow
import psutil
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    MAX_DATASET_DIGEST_SIZE,
    MAX_INPUT_TAG_VALUE_SIZE,
    MAX_METRICS_PER_BATCH,
)
from pydantic import BaseModel, ConfigDict

from data.files import read_json, write_json
from pipelines.errors import StageError, TrackingError

EXPERIMENT: Final = "examgate"
STANDS_FOR_TAG: Final = "examgate.stands_for_run"
PROCESS_TAG: Final = "examgate.process"
SYSTEM_METRICS_INTERVAL_S: Final = 5


class RunRecord(BaseModel):
    """`run.json`: where a checkpoint came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlflow_run_id: str
    """The run that holds parameters, curves and verdict."""
    git_commit: str
    """Commit of the code, with `-dirty` where files differed."""
    code_sha256: str
    """Of the Python files of all rooms."""
    params_sha256: str
    """Of the parameters in force."""
    data_sha256: str
    """Of the curated manifest and the crops trained on."""
    checkpoint_sha256: str
    """Of the embedder's weights."""


def read_run_record(path: Path) -> RunRecord:
    """Read `run.json`; raises `StageError` where it is missing or broken."""
    try:
        return RunRecord.model_validate(read_json(path))
    except (OSError, ValueError) as error:
        raise StageError(f"{path}: no record of a training run; `dvc repro train`") from error


def write_run_record(path: Path, record: RunRecord) -> None:
    """Write `run.json`."""
    write_json(path, record.model_dump())


def connect(root: Path) -> MlflowClient:
    """Point MLflow at MLFLOW_TRACKING_URI, or at a SQLite file below `var/`, and open it."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or local_store(root)
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    try:
        if client.get_experiment_by_name(EXPERIMENT) is None:
            client.create_experiment(EXPERIMENT, artifact_location=_artifact_location(root, uri))
        mlflow.set_experiment(EXPERIMENT)
    except MlflowException as error:
        raise TrackingError(f"MLflow at {uri} does not answer: {error.message}") from error
    return client


def local_store(root: Path) -> str:
    """Address of the embedded tracking store."""
    (root / "var").mkdir(exist_ok=True)
    return f"sqlite:///{root / 'var/mlflow.db'}"


@contextmanager
def start_training_run(
    root: Path,
    params: Mapping[str, object],
    tags: Mapping[str, str],
    resumed: str | None = None,
) -> Iterator[str]:
    """Open a run with its parameters and system metrics; yields the run id.

    `resumed` is the run that a checkpoint came from. It is gone on with where it still stands: its
    parameters stay, its tags are set anew.
    """
    client = connect(root)
    close_abandoned_runs(client)
    interval = str(SYSTEM_METRICS_INTERVAL_S)
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", interval)
    process = {PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}
    found = _find(client, resumed) if resumed else None
    with mlflow.start_run(run_id=found, log_system_metrics=True, tags={**tags, **process}) as run:
        if found is None:
            mlflow.log_params(dict(params))
        yield run.info.run_id


def close_abandoned_runs(client: MlflowClient) -> None:
    """Mark runs as killed whose training process on this machine is gone; they look alive else."""
    for run in client.search_runs(_experiment_ids(client), "attributes.status = 'RUNNING'"):
        host, _, pid = run.data.tags.get(PROCESS_TAG, "").partition(":")
        if host == socket.gethostname() and not psutil.pid_exists(int(pid)):
            client.set_terminated(run.info.run_id, "KILLED")


@contextmanager
def resume_run(root: Path, run_id: str) -> Iterator[str]:
    """Go on with a run, or with the one that stands for it here; yields the id in this store."""
    client = connect(root)
    found = _find(client, run_id)
    tags = None if found else {STANDS_FOR_TAG: run_id}
    with mlflow.start_run(run_id=found, tags=tags) as run:
        yield run.info.run_id


@contextmanager
def start_wrapped_run(root: Path, name: str) -> Iterator[str]:
    """Open a run for a model that was not trained here."""
    connect(root)
    with mlflow.start_run(run_name=name, tags={"examgate.origin": "pretrained"}) as run:
        yield run.info.run_id


def log_figures(figures: Mapping[str, float], step: int | None = None) -> None:
    """Log metrics to the open run, in as many requests as a server takes them."""
    named = list(figures.items())
    for start in range(0, len(named), MAX_METRICS_PER_BATCH):
        mlflow.log_metrics(dict(named[start : start + MAX_METRICS_PER_BATCH]), step=step)


def log_comparisons(name: str, sha256: str, definition: str) -> None:
    """Tell the open run which comparisons it was judged by, as an input in MLflow's sense.

    MLflow keeps the first 36 characters of a digest; the whole one is in the tag `sha256`.
    """
    source = CodeDatasetSource(tags={"protocol": name, "definition": definition})
    dataset = MetaDataset(source, name=name, digest=sha256[:MAX_DATASET_DIGEST_SIZE])  # type: ignore[abstract]  # it is none
    tags = {"sha256": sha256, "definition": definition[:MAX_INPUT_TAG_VALUE_SIZE]}
    mlflow.log_input(dataset, context="evaluation", tags=tags)


def log_folder(folder: Path, place: str) -> None:
    """Log a folder's files to the open run, under `place`."""
    mlflow.log_artifacts(str(folder), artifact_path=place)


def log_file(path: Path, place: str) -> None:
    """Log one file to the open run, under `place`."""
    mlflow.log_artifact(str(path), artifact_path=place)


def flatten(content: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Turn nested parameters into dotted keys, as MLflow and DVC name them."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def _find(client: MlflowClient, run_id: str) -> str | None:
    try:
        found: str = client.get_run(run_id).info.run_id
    except MlflowException:
        stand_in = _stand_in(client, run_id)
        return stand_in.info.run_id if stand_in else None
    return found


def _stand_in(client: MlflowClient, run_id: str) -> Run | None:
    runs = client.search_runs(
        _experiment_ids(client),
        filter_string=f"tags.`{STANDS_FOR_TAG}` = '{run_id}'",
        run_view_type=ViewType.ACTIVE_ONLY,
        max_results=1,
    )
    return runs[0] if runs else None


def _experiment_ids(client: MlflowClient) -> list[str]:
    found = client.search_experiments(filter_string=f"name = '{EXPERIMENT}'")
    return [experiment.experiment_id for experiment in found]


def _artifact_location(root: Path, uri: str) -> str | None:
    """Beside the embedded store; a server decides for itself."""
    return (root / "var/mlartifacts").as_uri() if uri.startswith("sqlite:") else None
