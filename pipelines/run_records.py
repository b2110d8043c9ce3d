"""What the stage `train` leaves in its open MLflow run, beside parameters and system metrics."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow

from data.files import whole_file
from pipelines.batch_pictures import Examples, contact_sheet, write_sheet
from pipelines.model_card import ModelCard, render
from pipelines.tracking import log_figures, log_file
from pipelines.training_figures import draw_curves
from training.step_metrics import StepMetrics


def log_step(metrics: StepMetrics) -> None:
    """Log a row of step metrics, as `step/...`, at its step."""
    log_figures(step_figures(metrics), step=metrics.step)


def step_figures(metrics: StepMetrics) -> dict[str, float]:
    """Name what is known of some steps, as MLflow shows it."""
    values = asdict(metrics)
    for absent in ("step", "times", "peak_memory_bytes"):
        del values[absent]
    figures = {f"step/{name}": float(v) for name, v in values.items() if v is not None}
    figures["step/peak_memory_mb"] = metrics.peak_memory_bytes / 1e6
    return figures | _shares(metrics)


def log_curves(steps: Sequence[StepMetrics]) -> None:
    """Draw the rows so far; each call replaces the picture before."""
    mlflow.log_figure(draw_curves(steps), "training/curves.png")


def log_examples(examples: Examples, epoch: int) -> None:
    """Log a contact sheet of crops of an epoch, counted from 1."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"epoch_{epoch:03d}.png"
        write_sheet(path, contact_sheet(examples))
        log_file(path, "examples")


def write_model_card(path: Path, card: ModelCard) -> None:
    """Write `model_card.md` and log the same text."""
    text = render(card)
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
    mlflow.log_text(text, path.name)


def _shares(metrics: StepMetrics) -> dict[str, float]:
    """Share of the time that went into each part."""
    times = metrics.times
    total_s = times.total_s
    if not total_s:
        return {}
    parts = asdict(times)
    return {f"step/time/{name.removesuffix('_s')}": s / total_s for name, s in parts.items()}
