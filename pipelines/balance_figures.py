"""The balance of the data as tables for `dvc plots` and as a picture."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data.balance import Balance
from data.files import whole_file

_INCHES_PER_ROW: Final = 0.24
_INCHES_PER_COLUMN: Final = 0.62


def write_label_shares(balance: Balance, path: Path) -> None:
    """Write the share of the people of each split by label, one bar each (CSV)."""
    table = balance.labels
    names = table["split"] + ": " + table["column"] + " " + table["value"]
    with whole_file(path) as partial:
        table.assign(label=names)[["label", "share", "num_subjects"]].to_csv(
            partial, index=False, float_format="%.6g"
        )


def draw_balance(balance: Balance, columns: tuple[str, ...], path: Path) -> None:
    """Draw the people of each cell, a panel for each split, as a PNG.

    The last column of labels runs across, the others down; a cell without anybody is left white.
    """
    *down, across = columns
    splits = list(balance.cells["split"].unique())
    tables = [_table(balance.cells, split, down, across) for split in splits]
    rows, width = len(tables[0]), len(tables[0].columns)
    size = (2.2 + len(splits) * (width * _INCHES_PER_COLUMN + 0.3), 1.6 + rows * _INCHES_PER_ROW)
    with mpl.rc_context({"svg.hashsalt": "examgate", "font.size": 8}):
        figure = Figure(size, layout="constrained")
        panels = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for axes, split, table in zip(panels, splits, tables, strict=True):
            _panel(axes, table, split)
        figure.suptitle(f"People by {', '.join(columns)}")
        with whole_file(path) as partial:
            # No version of the library in the file: equal data are an equal picture.
            figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})


def _table(cells: pd.DataFrame, split: str, down: list[str], across: str) -> pd.DataFrame:
    part = cells[cells["split"] == split]
    name = part[down].agg(" ".join, axis=1) if down else pd.Series("people", index=part.index)
    return part.assign(name=name).pivot(index="name", columns=across, values="num_subjects")


def _panel(axes: Axes, table: pd.DataFrame, split: str) -> None:
    counts = table.to_numpy(dtype=float)
    shown = counts.copy()
    shown[shown == 0] = float("nan")
    axes.imshow(shown, aspect="auto", cmap="Blues", vmin=0, vmax=max(1.0, counts.max()) * 1.8)
    for (row, column), count in zip(
        ((r, c) for r in range(counts.shape[0]) for c in range(counts.shape[1])),
        counts.ravel(),
        strict=True,
    ):
        axes.text(
            column, row, f"{count:.0f}", ha="center", va="center", color="black" if count else "0.7"
        )
    axes.set_xticks(range(counts.shape[1]), table.columns, rotation=45, ha="right")
    axes.set_yticks(range(counts.shape[0]), table.index)
    axes.set_title(f"{split}: {counts.sum():.0f} people")
