"""Slices: named parts of the comparisons, so that the report can say who it fails for.

A slice of an attribute holds, as impostors, pairs of two people of the same kind: strangers who
are alike are what a gate meets (NIST IR 8280). A genuine pair is in the slice of a person's
attribute if both photos say so, and in the slice of a photo's unusual state, such as glasses, if
either photo shows it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from data.manifest import CAPTURE_KINDS
from evaluation.errors import SliceError
from evaluation.labels import LabelSource, label_sources
from evaluation.scores import Flags, ScoredSplit

SIBLINGS: Final = "siblings"


class SliceColumn(BaseModel):
    """A manifest column whose every value makes a slice, named `<column>_<value>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    """Rows where it is null are in none of its slices."""
    usual: str | None = None
    """None: the attribute of a person. Else the photo's usual state; a genuine pair is in the slice
    of another state if either photo shows it, and in this one only if both do."""

    @field_validator("usual", mode="before")
    @classmethod
    def _bare_yes_and_no(cls, usual: object) -> object:
        """YAML 1.1 reads a bare no as false, and `dvc exp run -S` writes `'no'` back bare."""
        return {False: "no", True: "yes"}.get(usual, usual) if isinstance(usual, bool) else usual


DEFAULT_SLICE_COLUMNS: Final = (
    SliceColumn(column="age_band"),
    SliceColumn(column="gender"),
    SliceColumn(column="skin_tone"),
    SliceColumn(column="facial_hair"),
    SliceColumn(column="glasses", usual="no"),
    SliceColumn(column="mask", usual="no"),
    SliceColumn(column="pose_band", usual="frontal"),
    SliceColumn(column="lighting", usual="even"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """A named part of the comparisons of one `ScoredSplit`."""

    name: str
    """Letters, digits, `_`, `-` and `.` only."""
    members: Flags
    """(num_pairs,): which comparisons are in it, genuine and impostor alike."""
    labels: tuple[LabelSource, ...] = ()
    """Where the labels came from that put photos into it; empty for one that needs no labels."""


def slices_of(split: ScoredSplit, columns: tuple[SliceColumn, ...]) -> Iterator[Slice]:
    """Cut a split into slices: by attribute, by capture kinds, and siblings.

    A capture slice such as `id_photo_vs_gate` holds the pairs of these two kinds in either order.
    `siblings` holds the impostor pairs of one family: the hardest strangers there are. Slices
    without any comparison are left out. Raises `SliceError` for a column that the table lacks, or
    where two values would have the same name.
    """
    seen: set[str] = set()
    for part in _every_slice(split, columns):
        if part.name in seen:
            raise SliceError(f"two values make the slice name {part.name!r}; rename one of them")
        seen.add(part.name)
        if part.members.any():
            yield part


def slice_name(column: str, value: str) -> str:
    """Name of an attribute's slice, with only characters that every metric store takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{column}_{value}")


def _every_slice(split: ScoredSplit, columns: tuple[SliceColumn, ...]) -> Iterator[Slice]:
    for column in columns:
        yield from _attribute_slices(split, column)
    if "capture_kind" in split.table:  # templates mix captures
        yield from _capture_slices(split)
    if "family_id" in split.table:
        yield Slice(SIBLINGS, _sibling_pairs(split), label_sources(split.table, "family_id"))


def _attribute_slices(split: ScoredSplit, column: SliceColumn) -> Iterator[Slice]:
    values = _column(split, column.column)
    for value in sorted(values.dropna().unique()):
        left, right = _sides(split, values == value)
        either_counts = column.usual not in (None, value)
        members = (left & right) | (split.pairs.genuine & (left | right) & either_counts)
        labels = label_sources(split.table[values == value], column.column)
        yield Slice(slice_name(column.column, str(value)), members, labels)


def _capture_slices(split: ScoredSplit) -> Iterator[Slice]:
    kinds = _column(split, "capture_kind")
    sides = {kind: _sides(split, kinds == kind) for kind in CAPTURE_KINDS}
    for one, other in combinations_with_replacement(CAPTURE_KINDS, 2):
        (left_one, right_one), (left_other, right_other) = sides[one], sides[other]
        yield Slice(f"{one}_vs_{other}", (left_one & right_other) | (left_other & right_one))


def _sibling_pairs(split: ScoredSplit) -> Flags:
    families = pd.factorize(split.table["family_id"])[0]  # -1 where it is unknown
    left, right = families[split.pairs.left], families[split.pairs.right]
    same: Flags = (left == right) & (left >= 0) & ~split.pairs.genuine
    return same


def _column(split: ScoredSplit, name: str) -> pd.Series:
    if name not in split.table:
        raise SliceError(f"no column {name!r} to slice by; correct slice_columns")
    return split.table[name]


def _sides(split: ScoredSplit, rows: pd.Series) -> tuple[Flags, Flags]:
    flags = rows.to_numpy(dtype=bool, na_value=False)
    return flags[split.pairs.left], flags[split.pairs.right]
