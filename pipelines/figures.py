"""The evaluation as pictures for the MLflow run."""

from collections.abc import Mapping
from typing import Final

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from evaluation.tables import marked

_SIZE_INCHES: Final = (6.4, 4.8)


def draw_figures(tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw ROC, DET, scores, slices and failure modes and log them to the open run."""
    with mpl.rc_context({"svg.hashsalt": "examgate", "axes.grid": True, "grid.alpha": 0.3}):
        mlflow.log_figure(_curve(tables["roc"], "tar", "TAR (1 - FNMR)"), "evaluation/roc.png")
        mlflow.log_figure(_curve(tables["det"], "fnmr", "FNMR"), "evaluation/det.png")
        mlflow.log_figure(_histogram(tables["scores"]), "evaluation/scores.png")
        mlflow.log_figure(_slices(tables["slices"]), "evaluation/slices.png")
        if len(tables["failure_modes"]):
            modes = _failure_modes(tables["failure_modes"])
            mlflow.log_figure(modes, "evaluation/failure_modes.png")


def _curve(table: pd.DataFrame, column: str, label: str) -> Figure:
    figure = Figure(_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    shown = table[table["fmr"] > 0]
    axes.step(shown["fmr"], shown[column], where="post")
    axes.set(xscale="log", xlabel="FMR", ylabel=label)
    if column == "fnmr" and (shown[column] > 0).any():
        axes.set_yscale("log")
    return figure


def _histogram(table: pd.DataFrame) -> Figure:
    figure = Figure(_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    for kind in ("genuine", "impostor"):
        share = table[kind] / max(1, table[kind].sum())
        axes.step(table["score"], share, where="mid", label=kind)
    axes.set(xlabel="cosine", ylabel="share of comparisons")
    axes.legend()
    return figure


def _slices(table: pd.DataFrame) -> Figure:
    """FNMR of each slice at the strictest operating point, with its interval."""
    known = table[(table["metric"] == "fnmr") & ~table["too_few"].astype(bool)]
    strictest = str(table["point"].iloc[-1])
    known = known[known["point"] == strictest].iloc[::-1]
    figure = Figure((_SIZE_INCHES[0], 1.2 + 0.22 * len(known)), layout="constrained")
    axes = figure.subplots()
    value = known["value"].to_numpy(float)
    low, high = value - known["low"].to_numpy(float), known["high"].to_numpy(float) - value
    axes.errorbar(value, range(len(known)), xerr=np.clip([low, high], 0, None), fmt="o")
    axes.set_yticks(range(len(known)), list(marked(known)))
    axes.set(xlabel=f"FNMR at {strictest}", xlim=(0, None))
    return figure


def _failure_modes(table: pd.DataFrame) -> Figure:
    """FNMR and FMR of each condition beside their baselines, and what the quality gate refused."""
    shown = {name: column.to_numpy() for name, column in table.iloc[::-1].items()}
    size = (1.9 * _SIZE_INCHES[0], 1.4 + 0.24 * len(table))
    figure = Figure(size, layout="constrained")
    genuine, impostor = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(table))
    genuine.barh(places, shown["refused_share"], color="0.85", label="refused with advice")
    for axes, rate in ((genuine, "fnmr"), (impostor, "fmr")):
        axes.plot(shown[f"baseline_{rate}"], places, "|", markersize=11, label="undegraded")
        axes.plot(shown[rate], places, "o", label="let through")
        axes.set(xlabel=rate.upper(), xlim=(0, None))
    genuine.plot(shown["fnmr_with_refusals"], places, "x", label="not let in at all")
    genuine.set_yticks(places, shown["condition"])
    genuine.legend(fontsize="small")
    return figure
