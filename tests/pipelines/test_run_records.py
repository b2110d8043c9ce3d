"""What a training run leaves in a real MLflow store."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient

from pipelines.batch_pictures import Examples
from pipelines.run_records import log_curves, log_examples, log_step, step_figures
from pipelines.tracking import start_training_run
from training.step_metrics import StepMetrics
from training.throughput import StepTimes

ROW = StepMetrics(
    step=50,
    epoch=0.5,
    loss=9.0,
    accuracy=0.25,
    learning_rate=0.1,
    margin_share=1.0,
    grad_norm=4.0,
    clipped_share=0.0,
    feature_norm=20.0,
    loss_scale=None,
    skipped_steps=0,
    samples_per_s=500.0,
    times=StepTimes.of({"data": 1.0, "forward": 3.0, "backward": 4.0, "rest": 2.0}),
    mfu=None,
    peak_memory_bytes=3_000_000,
)


def test_steps_become_curves_over_steps(client: MlflowClient, tmp_path: Path) -> None:
    with start_training_run(tmp_path, {}, {}) as run_id:
        log_step(ROW)
        log_step(replace(ROW, step=100, loss=8.0, mfu=0.3))
    points = client.get_metric_history(run_id, "step/loss")
    assert [(point.step, point.value) for point in points] == [(50, 9.0), (100, 8.0)]
    assert [p.step for p in client.get_metric_history(run_id, "step/mfu")] == [100]


def test_figures_are_named_and_what_is_not_known_is_left_out() -> None:
    figures = step_figures(ROW)
    assert figures["step/time/data_wait"] == pytest.approx(0.1)
    assert sum(v for name, v in figures.items() if "/time/" in name) == pytest.approx(1)
    assert figures["step/peak_memory_mb"] == 3
    assert {"step/mfu", "step/loss_scale", "step/step", "step/times"}.isdisjoint(figures)
    assert "step/time/forward" not in step_figures(replace(ROW, times=StepTimes.of({})))


def test_pictures_and_curves_are_logged(client: MlflowClient, tmp_path: Path) -> None:
    crops = torch.zeros(2, 112, 112, 3, dtype=torch.uint8).numpy()
    with start_training_run(tmp_path, {}, {}) as run_id:
        log_examples(Examples(crops, torch.zeros(2, 3, 112, 112), ["a", "b"]), epoch=1)
        log_curves([ROW])
        log_curves([ROW, replace(ROW, epoch=1.0, mfu=0.2)])
    folders = ("examples", "training")
    logged = [f.path for folder in folders for f in client.list_artifacts(run_id, folder)]
    assert logged == ["examples/epoch_001.png", "training/curves.png"]


def test_curves_need_a_row() -> None:
    with pytest.raises(ValueError, match="no step"):
        log_curves([])


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_run_without_a_gpu_has_system_metrics_and_no_warnings(
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    wanted = {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"}
    with caplog.at_level(logging.INFO), start_training_run(tmp_path, {}, {}) as run_id:
        while not wanted <= set(client.get_run(run_id).data.metrics):
            time.sleep(0.1)
    figures = client.get_run(run_id).data.metrics
    assert figures["system/system_memory_usage_megabytes"] > 0
    assert not any("gpu" in name for name in figures)
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == []
