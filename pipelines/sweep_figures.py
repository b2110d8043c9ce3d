"""A sweep as a table and as a picture."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.sweep import SweepRow

_SIZE_INCHES: Final = (9.6, 4.8)


def sweep_table(rows: Sequence[SweepRow], memory_limit_bytes: int | None) -> pd.DataFrame:
    """One row for each trial; figures of one that did not run to its end are missing."""
    return pd.DataFrame([_columns(row, memory_limit_bytes) for row in rows])


def draw_sweep(table: pd.DataFrame) -> Figure:
    """Draw images/s and memory by batch size, a line for each precision."""
    figure = Figure(_SIZE_INCHES, layout="constrained")
    speed, memory = figure.subplots(1, 2, sharex=True)
    _lines(speed, table, "images_per_s", "images/s")
    _lines(memory, table, "peak_memory_mb", "peak memory in MB")
    for batch_size in table.loc[table["status"] == "out of memory", "batch_size"].unique():
        memory.axvline(batch_size, color="0.7", linestyle=":")
    speed.legend()
    return figure


def setting(precision: str, compiled: bool) -> str:
    """Name a precision and whether it was compiled, as in `bf16+compile`."""
    return f"{precision}+compile" if compiled else precision


def _columns(row: SweepRow, memory_limit_bytes: int | None) -> dict[str, object]:
    outcome = row.outcome
    columns: dict[str, object] = {
        "batch_size": row.batch_size,
        "setting": setting(row.precision, row.compiled),
        "status": outcome.status,
        "images_per_s": None,
        "step_ms": None,
        "mfu": None,
        "peak_memory_mb": None,
        "memory_share": row.memory_share(memory_limit_bytes),
    }
    if (result := outcome.result) is not None:
        times = asdict(result.times)
        columns |= {
            "images_per_s": result.images_per_s,
            "step_ms": 1000 * result.step_s,
            "mfu": result.mfu,
            "peak_memory_mb": result.peak_memory_bytes / 1e6,
        } | {f"{part.removesuffix('_s')}_ms": 1000 * seconds for part, seconds in times.items()}
    return columns | {"device": outcome.device, "message": outcome.message}


def _lines(axes: Axes, table: pd.DataFrame, column: str, label: str) -> None:
    for name, part in table[table["status"] == "ok"].groupby("setting", sort=False):
        ordered = part.sort_values("batch_size")
        axes.plot(ordered["batch_size"], ordered[column].astype(float), "o-", label=name)
    sizes = sorted(table["batch_size"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axes.set(xlabel="batch size", ylabel=label, ylim=(0, None))
    axes.grid(alpha=0.3)
