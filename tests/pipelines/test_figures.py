"""Figures of an evaluation, drawn and logged to a real store; matplotlib's warnings are errors."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient

from pipelines.figures import draw_figures

CURVE = pd.DataFrame({"fmr": [0.0, 0.01, 1.0], "tar": [0.4, 0.9, 1.0], "fnmr": [0.6, 0.1, 0.0]})
SLICES = pd.DataFrame(
    [
        ("overall", "fmr_1e-2", "fnmr", 0.1, 0.05, 0.2, False, ""),
        ("glasses_yes", "fmr_1e-2", "fnmr", 0.2, 0.1, 0.3, False, "predicted:gear (n=9, ...)"),
    ],
    columns=["slice", "point", "metric", "value", "low", "high", "too_few", "labels"],
)
MODES = pd.DataFrame(
    [
        ("mask: mask 0.5", 0.0, 0.2, 0.1, 0.2, 0.01, 0.001),
        ("mask: mask 1", 1.0, None, None, 1.0, None, None),
    ],
    columns=[
        "condition",
        "refused_share",
        "fnmr",
        "baseline_fnmr",
        "fnmr_with_refusals",
        "fmr",
        "baseline_fmr",
    ],
)


@pytest.mark.parametrize("num_slices", [1, 2])
def test_every_figure_is_logged_also_when_the_gate_refused_everything(
    client: MlflowClient, tmp_path: Path, num_slices: int
) -> None:
    tables = {
        "roc": CURVE,
        "det": CURVE,
        "scores": pd.DataFrame({"score": [0.0, 0.5], "genuine": [0, 3], "impostor": [5, 0]}),
        "slices": SLICES.head(num_slices),
        "failure_modes": MODES.astype({"fnmr": float, "fmr": float}),
    }
    with mlflow.start_run() as run:
        draw_figures(tables)
        draw_figures({**tables, "failure_modes": MODES.head(0)})
    files = {f.path for f in client.list_artifacts(run.info.run_id, "evaluation")}
    names = ("roc", "det", "scores", "slices", "failure_modes")
    assert files == {f"evaluation/{name}.png" for name in names}
    assert (tmp_path / "var/mlartifacts").is_dir()
