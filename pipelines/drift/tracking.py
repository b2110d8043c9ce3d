"""The drift report as an MLflow run of its own: windows go on when a model's run has ended."""

from pathlib import Path

import mlflow

from evaluation.drift.report import DriftReport
from pipelines.tracking import connect, log_figures, log_folder


def log_drift(report: DriftReport, folder: Path, root: Path) -> str:
    """Log figures, verdict and the files of a folder; returns the id of the run."""
    connect(root)
    tags = {"examgate.origin": "drift", "examgate.drift": report.verdict}
    with mlflow.start_run(run_name="drift", tags=tags) as run:
        log_figures(report.figures())
        log_folder(folder, "drift")
    run_id: str = run.info.run_id
    return run_id
