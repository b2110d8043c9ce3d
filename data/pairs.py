"""Which photographs are compared with which: cross-comparison of a set, and any listed pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DataError

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

DEFAULT_MAX_IMPOSTOR_PAIRS: Final = 5_000_000


class PairsError(DataError):
    """Pairs that do not fit each other or their table."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Comparisons between the rows of one table, as arrays of equal length (num_pairs,)."""

    left: Rows
    """Row position of the first photo, counted from 0."""
    right: Rows
    """Row position of the second photo."""
    genuine: Flags
    """True where both photos show one person."""
    fold: Rows | None = None
    """Fold of a published protocol, counted from 0, or None."""

    def __post_init__(self) -> None:
        shapes = {
            a.shape for a in (self.left, self.right, self.genuine, self.fold) if a is not None
        }
        if len(shapes) != 1 or self.left.ndim != 1:
            raise PairsError(f"left, right, genuine and fold have the shapes {sorted(shapes)}")

    def __len__(self) -> int:
        return len(self.left)


def cross_pairs(
    subject_ids: Sequence[str],
    max_impostor_pairs: int = DEFAULT_MAX_IMPOSTOR_PAIRS,
    seed: int = 0,
) -> Pairs:
    """Compare every photo of a set with every other once: all rows i < j.

    `subject_ids` names the person on each row; rows without a usable face belong in it too, so that
    their failures are counted. All genuine pairs are kept. Where there are more impostor pairs than
    `max_impostor_pairs`, that many are drawn without replacement; the same seed draws the same.
    Pairs are sorted by left, then right. Memory grows with the pairs kept, not with the square of
    the rows.
    """
    subjects = np.unique(np.asarray(subject_ids, dtype=object), return_inverse=True)[1]
    subjects = subjects.astype(np.int64)
    genuine = genuine_cells(subjects)
    impostor = _impostor_cells(subjects, len(genuine), max_impostor_pairs, seed)
    cells = np.concatenate([genuine, impostor])
    is_genuine = np.repeat([True, False], [len(genuine), len(impostor)])
    order = np.argsort(cells)
    left, right = np.divmod(cells[order], max(len(subjects), 1))
    return Pairs(left, right, is_genuine[order])


def genuine_cells(subjects: Rows) -> Rows:
    """All pairs of rows i < j of one subject, each as the cell i * n + j of the n x n square.

    `subjects` (n,) holds a number for each person. Cells come person by person.
    """
    order = np.argsort(subjects, kind="stable")
    sizes = np.bincount(subjects) if len(subjects) else np.zeros(0, dtype=np.int64)
    ends = np.repeat(np.cumsum(sizes), sizes)
    num_after = ends - np.arange(len(subjects)) - 1
    first = np.repeat(np.arange(len(subjects)), num_after)
    step = np.arange(len(first)) - np.repeat(np.cumsum(num_after) - num_after, num_after)
    cells: Rows = order[first] * len(subjects) + order[first + 1 + step]
    return cells


def _impostor_cells(subjects: Rows, num_genuine: int, limit: int, seed: int) -> Rows:
    """All cells i < j of different subjects, or a draw of `limit` of them."""
    num_rows = len(subjects)
    num_impostor = num_rows * (num_rows - 1) // 2 - num_genuine
    if num_impostor <= 2 * limit:
        every = _all_impostor_cells(subjects)
        if num_impostor <= limit:
            return every
        return np.random.default_rng(seed).choice(every, limit, replace=False, shuffle=False)
    return _drawn_impostor_cells(subjects, limit, seed)


def _all_impostor_cells(subjects: Rows) -> Rows:
    num_rows = len(subjects)
    blocks = [
        row * num_rows + row + 1 + np.flatnonzero(subjects[row + 1 :] != subjects[row])
        for row in range(num_rows)
    ]
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.int64)


def _drawn_impostor_cells(subjects: Rows, limit: int, seed: int) -> Rows:
    """Draw cells until enough are distinct; fewer than half of all are wanted, so this is quick."""
    rng = np.random.default_rng(seed)
    num_rows = len(subjects)
    found = np.zeros(0, dtype=np.int64)
    while len(found) < limit:
        left, right = np.sort(rng.integers(0, num_rows, size=(2, 2 * limit + 64)), axis=0)
        cells = (left * num_rows + right)[subjects[left] != subjects[right]]
        found = np.unique(np.concatenate([found, cells]))
    return rng.choice(found, limit, replace=False, shuffle=False)
