"""The evaluation as pictures for the MLflow run."""

from collections.abc import Mapping
from typing import Final

import matplotlib as mpl
import mlflow
import pandas as pd
from matplotlib.figure import Figure

_SIZE_INCHES: Final = (6.4, 4.8)


def draw_figures(tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw ROC, DET, score histogram and slices and log them to the open run."""
    with mpl.rc_context({"svg.hashsalt": "examgate", "axes.grid": True, "grid.alpha": 0.3}):
        mlflow.log_figure(_curve(tables["roc"], "tar", "TAR (1 - FNMR)"), "evaluation/roc.png")
        mlflow.log_figure(_curve(tables["det"], "fnmr", "FNMR"), "evaluation/det.png")
        mlflow.log_figure(_histogram(tables["scores"]), "evaluation/scores.png")
        mlflow.log_figure(_slices(tables["slices"]), "evaluation/slices.png")


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
    low, high = known["value"] - known["low"], known["high"] - known["value"]
    axes.errorbar(
        known["value"], range(len(known)), xerr=[low.clip(lower=0), high.clip(lower=0)], fmt="o"
    )
    axes.set_yticks(range(len(known)), known["slice"])
    axes.set(xlabel=f"FNMR at {strictest}", xlim=(0, None))
    return figure
