"""A sweep with its records: table and picture as files and in an MLflow run of their own."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd

from data.errors import DataError
from data.files import whole_file
from data.manifest import CURATED_SCHEMA, read_manifest
from pipelines.errors import SweepError
from pipelines.layout import Layout
from pipelines.lineage import git_commit
from pipelines.sweep import SweepOptions, SweepRow, best, run_sweep, trials
from pipelines.sweep_figures import draw_sweep, setting, sweep_table
from pipelines.tracking import PROCESS_TAG, connect, flatten, log_figures, log_file
from training.config import TrainConfig

RUN_NAME = "sweep-batch"


@dataclass(frozen=True, slots=True)
class RecordedSweep:
    """What a sweep has found."""

    table: pd.DataFrame
    """One row for each trial."""
    best: SweepRow | None
    """None where every trial took more memory than it may."""
    verdict: str
    """The best in words."""
    run_id: str
    files: tuple[Path, ...]
    """Table and picture."""


def record_sweep(
    config: TrainConfig,
    options: SweepOptions,
    root: Path,
    out: Path,
    on_row: Callable[[SweepRow], None],
) -> RecordedSweep:
    """Try every combination, write `sweep.csv` and `sweep.png` to `out`, and log them.

    Raises `SweepError` for options that cannot be, and where no trial ran to its end.
    """
    planned = trials(config, options)
    connect(root)
    tags = {
        "examgate.git_commit": git_commit(root),
        PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}",
    }
    with mlflow.start_run(run_name=RUN_NAME, tags=tags) as run:
        mlflow.log_params(flatten(options.model_dump(mode="json"), "sweep."))
        rows = run_sweep(planned, options.memory_limit_bytes, on_row)
        table = sweep_table(rows, options.memory_limit_bytes)
        files = _write(table, out)
        for path in files:
            log_file(path, "sweep")
        found = best(rows, options.memory_share, options.memory_limit_bytes)
        _log(rows, found)
    return RecordedSweep(table, found, verdict(found, options), run.info.run_id, files)


def num_people(layout: Layout) -> int:
    """How many people the curated data train on; raises `SweepError` where there are none."""
    try:
        table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    except DataError as error:
        raise SweepError(
            f"how many people? give --classes, or `dvc repro curate` ({error})"
        ) from error
    return int(table["label"].max()) + 1


def verdict(found: SweepRow | None, options: SweepOptions) -> str:
    """Say which setting is the best, and where it goes in the parameters."""
    share = f"{options.memory_share:.0%}"
    if found is None or found.outcome.result is None:
        return f"every trial takes more than {share} of the memory; try smaller batches"
    result = found.outcome.result
    used = found.memory_share(options.memory_limit_bytes)
    figures = f"{result.images_per_s:.1f} images/s, {result.peak_memory_bytes / 1e6:.0f} MB"
    known = "" if result.mfu is None else f", MFU {result.mfu:.1%}"
    return (
        f"best: batch {found.batch_size}, {setting(found.precision, found.compiled)}:"
        f" {figures} ({used:.1%} of the memory, at most {share}){known}"
    )


def _write(table: pd.DataFrame, out: Path) -> tuple[Path, ...]:
    csv, png = out / "sweep.csv", out / "sweep.png"
    with whole_file(csv) as partial:
        table.to_csv(partial, index=False)
    with whole_file(png) as partial:
        draw_sweep(table).savefig(partial, format="png")
    return csv, png


def _log(rows: Sequence[SweepRow], found: SweepRow | None) -> None:
    """Log speed and memory of each setting over the batch size, and the best by itself."""
    for row in rows:
        name = setting(row.precision, row.compiled).replace("+", "_")
        log_figures(_figures(row, name), step=row.batch_size)
    if found is not None:
        log_figures({"best/batch_size": found.batch_size, **_figures(found, "best")})
        mlflow.set_tag("examgate.best_setting", setting(found.precision, found.compiled))


def _figures(row: SweepRow, name: str) -> dict[str, float]:
    result = row.outcome.result
    if result is None:
        return {}
    figures = {
        "images_per_s": result.images_per_s,
        "peak_memory_mb": result.peak_memory_bytes / 1e6,
        "mfu": result.mfu,
    }
    return {f"{name}/{key}": value for key, value in figures.items() if value is not None}
