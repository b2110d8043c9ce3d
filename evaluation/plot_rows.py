"""Curves and maps of a report as tables of plain numbers, for whatever draws them."""

from typing import Final

import pandas as pd

from evaluation.groups.cross_cells import CrossCells
from evaluation.measures.bands import DetBand
from evaluation.measures.discard_report import DiscardReport

_BAND_COLUMNS: Final = (
    "threshold",
    "fmr",
    "fmr_low",
    "fmr_high",
    "fnmr",
    "fnmr_low",
    "fnmr_high",
)
_DISCARD_COLUMNS: Final = ("quality", "discarded", "fnmr")
_CELL_COLUMNS: Final = ("family", "left", "right", "value", "low", "high", "n")


def band_rows(band: DetBand | None) -> pd.DataFrame:
    """One row for each threshold of a DET band, from the strictest to the laxest; maybe none."""
    rows = [
        (p.threshold, p.fmr.rate, p.fmr.low, p.fmr.high, p.fnmr.rate, p.fnmr.low, p.fnmr.high)
        for p in (band.points if band else ())
    ]
    return pd.DataFrame(rows, columns=list(_BAND_COLUMNS))


def discard_rows(discard: dict[str, DiscardReport]) -> pd.DataFrame:
    """FNMR over the share discarded, for each quality figure."""
    rows = [
        (name, share, fnmr)
        for name, one in discard.items()
        for share, fnmr in zip(one.discarded, one.fnmrs, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(_DISCARD_COLUMNS))


def cross_cell_rows(maps: dict[str, CrossCells]) -> pd.DataFrame:
    """FMR of every two groups in both directions; those with too few comparisons are left out."""
    rows = [
        (family, one, other, entry.fmr.rate, entry.fmr.low, entry.fmr.high, n)
        for family, found in maps.items()
        for entry in found.entries
        for n in (entry.fmr.num_comparisons,)
        if not entry.too_few
        for one, other in sorted({(entry.left, entry.right), (entry.right, entry.left)})
    ]
    return pd.DataFrame(rows, columns=list(_CELL_COLUMNS))
