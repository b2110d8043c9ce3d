"""Runs in a real store: one for each model, found again, closed when their process died."""

import os
import socket
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow import MlflowClient

from pipelines.errors import StageError, TrackingError
from pipelines.tracking import (
    PROCESS_TAG,
    STANDS_FOR_TAG,
    close_abandoned_runs,
    connect,
    flatten,
    log_comparisons,
    log_figures,
    read_run_record,
    resume_run,
    start_training_run,
)


def test_run_is_resumed_by_its_id(client: MlflowClient, tmp_path: Path) -> None:
    with start_training_run(tmp_path, {"train.epochs": 3}, {"a": "b"}) as run_id:
        mlflow.log_metric("loss", 1.0, step=1)
    with resume_run(tmp_path, run_id) as again:
        mlflow.log_metric("overall/auc", 0.5)
    run = client.get_run(run_id)
    assert again == run_id
    assert set(run.data.metrics) >= {"loss", "overall/auc"}
    assert (run.data.params, run.data.tags["a"]) == ({"train.epochs": "3"}, "b")


def test_run_of_another_store_gets_one_stand_in(client: MlflowClient, tmp_path: Path) -> None:
    foreign = "0" * 32
    with resume_run(tmp_path, foreign) as first:
        pass
    with resume_run(tmp_path, foreign) as second:
        pass
    assert first == second != foreign
    assert client.get_run(first).data.tags[STANDS_FOR_TAG] == foreign


def test_failed_stage_marks_its_run(client: MlflowClient, tmp_path: Path) -> None:
    def fail() -> None:
        with start_training_run(tmp_path, {}, {}):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    (run,) = client.search_runs([client.search_experiments()[0].experiment_id])
    assert run.info.status == "FAILED"


@pytest.mark.usefixtures("tmp_path")
def test_only_runs_of_dead_processes_are_closed(client: MlflowClient) -> None:
    experiment = client.search_experiments()[0].experiment_id
    host, dead = socket.gethostname(), max(psutil.pids()) + 10_000
    tags = [f"{host}:{dead}", f"{host}:{os.getpid()}", "elsewhere:1", ""]
    runs = [client.create_run(experiment, tags={PROCESS_TAG: tag}) for tag in tags]
    close_abandoned_runs(client)
    statuses = [client.get_run(run.info.run_id).info.status for run in runs]
    assert statuses == ["KILLED", "RUNNING", "RUNNING", "RUNNING"]


def test_store_that_cannot_be_reached_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1:1"):
        connect(tmp_path)


def test_missing_run_record_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="dvc repro train"):
        read_run_record(tmp_path / "run.json")


def test_nested_parameters_become_dotted_keys() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {
        "a.b": 1,
        "a.c.d": [2],
        "e": None,
    }


def test_interrupted_run_is_gone_on_with(tmp_path: Path, client: MlflowClient) -> None:
    with pytest.raises(KeyboardInterrupt), start_training_run(tmp_path, {"a": 1}, {}) as first:
        raise KeyboardInterrupt
    with start_training_run(tmp_path, {"a": 1, "threads": 2}, {"new": "tag"}, first) as second:
        assert second == first
        assert client.get_run(first).info.status == "RUNNING"
    run = client.get_run(first)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"a": "1"}
    assert run.data.tags["new"] == "tag"


def test_run_of_another_store_is_begun_anew(tmp_path: Path, client: MlflowClient) -> None:
    with start_training_run(tmp_path, {"a": 1}, {}, "0" * 32) as run_id:
        pass
    assert client.get_run(run_id).data.params == {"a": "1"}


def test_more_figures_than_one_request_takes_are_all_logged(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    log = mlflow.log_metrics

    def watched(metrics: dict[str, float], step: int | None = None) -> None:
        sizes.append(len(metrics))
        log(metrics, step=step)

    monkeypatch.setattr(mlflow, "log_metrics", watched)
    figures = {f"slice/s{n}/fmr_1e-3/fnmr": n / 3000 for n in range(2500)}
    with mlflow.start_run() as run:
        log_figures(figures)
    assert sizes == [1000, 1000, 500]
    assert client.get_run(run.info.run_id).data.metrics == figures


def test_a_run_names_the_comparisons_that_judged_it_once(client: MlflowClient) -> None:
    digest = "0123456789abcdef" * 4
    with mlflow.start_run() as run:
        for _ in range(2):  # as when a stage runs again
            log_comparisons("hard", digest, "look-alikes " * 100)
    inputs = client.get_run(run.info.run_id).inputs
    assert inputs is not None
    (found,) = inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("hard", digest[:36])
    assert {tag.key: tag.value for tag in found.tags}["sha256"] == digest
