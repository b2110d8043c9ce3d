"""Who is taken for whom: FMR between the cells of a column or crossing, as data of a heat map.

The diagonal holds strangers of one cell, the rest strangers of two; FRTE reports both, because a
matcher that confuses within a group only is blind in it (NIST IR 8280).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from evaluation.groups.slices import cells_of
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Codes, ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import Dyads, RateEstimate, fmr_estimate


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CellPair(_Frozen):
    """Strangers of two cells, or of one."""

    left: str
    right: str
    """Not before `left` in the order of the cells."""
    fmr: RateEstimate
    too_few: bool
    """The rate is given for the record, and says nothing."""


class CrossCells(_Frozen):
    """FMR of every two cells that meet, at one operating point."""

    columns: tuple[str, ...]
    point: str
    cells: tuple[str, ...]
    """In the order of both axes."""
    entries: tuple[CellPair, ...]
    """One for each two cells with any comparison; the table is symmetrical."""

    def table(self) -> pd.DataFrame:
        """Columns left, right, value, low, high, n, too_few: one row for each entry."""
        rows: list[dict[str, Any]] = [
            {
                "left": entry.left,
                "right": entry.right,
                "value": entry.fmr.rate,
                "low": entry.fmr.low,
                "high": entry.fmr.high,
                "n": entry.fmr.num_comparisons,
                "too_few": entry.too_few,
            }
            for entry in self.entries
        ]
        return pd.DataFrame(rows, columns=["left", "right", "value", "low", "high", "n", "too_few"])


def cross_cells(
    split: ScoredSplit,
    columns: Sequence[str],
    point_name: str,
    point: OperatingPoint,
    min_impostor_pairs: int,
    confidence: float,
    bootstrap: SubjectBootstrap | None = None,
) -> CrossCells:
    """FMR between all cells at one threshold; raises `SliceError` for an unknown column."""
    codes, names = pd.factorize(cells_of(split.table, columns), sort=True)
    cells = tuple(str(name) for name in names)
    impostor = np.flatnonzero(~split.pairs.genuine)
    one, other = codes[split.pairs.left[impostor]], codes[split.pairs.right[impostor]]
    first, second = np.minimum(one, other), np.maximum(one, other)
    accepted = split.scores[impostor] >= point.threshold
    subjects = split.subject_codes()
    entries = []
    for place in np.unique((first * len(cells) + second)[first >= 0]).tolist():
        low, high = divmod(place, len(cells))
        inside = np.flatnonzero((first == low) & (second == high))
        dyads = _dyads(split, subjects, impostor[inside], bootstrap)
        found = fmr_estimate(accepted[inside], dyads, confidence)
        few = found.num_comparisons < min_impostor_pairs
        entries.append(CellPair(left=cells[low], right=cells[high], fmr=found, too_few=few))
    return CrossCells(columns=tuple(columns), point=point_name, cells=cells, entries=tuple(entries))


def _dyads(
    split: ScoredSplit, subjects: Codes, pairs: Codes, bootstrap: SubjectBootstrap | None
) -> Dyads:
    left, right = subjects[split.pairs.left[pairs]], subjects[split.pairs.right[pairs]]
    return Dyads.of(left, right, bootstrap)
