"""Slices: named parts of the comparisons, so that the report can say who it fails for.

A slice of an attribute holds, as impostors, pairs of two people of the same kind: strangers who
are alike are what a gate meets (NIST IR 8280). A genuine pair is in the slice of a person's
attribute if both photos say so, and in the slice of a photo's unusual state, such as glasses, if
either photo shows it. A cell of a crossing such as gender x skin tone holds, as impostors, pairs
of two people who are alike in every column of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, field_validator

from data.manifest import CAPTURE_KINDS
from evaluation.errors import SliceError
from evaluation.groups.labels import LabelSource, label_sources
from evaluation.groups.predicates import NamedSlice
from evaluation.scores import Flags, ScoredSplit

SIBLINGS: Final = "siblings"
CROSSED: Final = "-x-"
"""Between the parts of a crossing's name, as in `gender_feminine-x-skin_tone_monk_08`."""


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
    family: str | None = None
    """The column or crossing that it is a value of, such as `gender` or `gender-x-skin_tone`."""


def slices_of(
    split: ScoredSplit,
    columns: tuple[SliceColumn, ...],
    crossings: Sequence[Sequence[str]] = (),
    named: Sequence[NamedSlice] = (),
) -> Iterator[Slice]:
    """Cut a split into slices: by attribute, crossing, name, capture kinds, and siblings.

    `crossings` are names of `columns`; every combination of values that somebody has makes a cell.
    A capture slice such as `id_photo_vs_gate` holds the pairs of these two kinds in either order.
    `siblings` holds the impostor pairs of one family: the hardest strangers there are. Slices
    without any comparison are left out. Raises `SliceError` for a column that the table lacks, for
    a crossing of a column that is not sliced by, or where two values would have the same name.
    """
    seen: set[str] = set()
    for part in _every_slice(split, columns, crossings, named):
        if part.name in seen:
            raise SliceError(f"two values make the slice name {part.name!r}; rename one of them")
        seen.add(part.name)
        if part.members.any():
            yield part


def slice_name(column: str, value: str) -> str:
    """Name of an attribute's slice, with only characters that every metric store takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{column}_{value}")


def family_name(columns: Sequence[str]) -> str:
    """Name of a column, or of a crossing of several: `gender-x-skin_tone`."""
    return CROSSED.join(columns)


def cells_of(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Name of the slice or cell that each photo is in, (num_rows,); null where a value is.

    Raises `SliceError` for a column that is not there, or a value that looks like a crossing.
    """
    missing = [column for column in columns if column not in table]
    if missing:
        raise SliceError(f"no column {missing[0]!r} to slice by; correct slice_columns")
    parts = [_part_names(table[column], column) for column in columns]
    found = parts[0]
    for part in parts[1:]:
        found = found + CROSSED + part
    return found


def _part_names(values: pd.Series, column: str) -> pd.Series:
    """Name of the slice of each value; null stays null."""
    names = {value: slice_name(column, str(value)) for value in values.dropna().unique()}
    if len(set(names.values())) < len(names):
        raise SliceError(
            f"two values of {column!r} make one slice name among"
            f" {', '.join(sorted(names.values()))}; rename one of them"
        )
    if strange := [name for name in names.values() if CROSSED in name]:
        raise SliceError(f"the slice name {strange[0]!r} looks like a crossing; rename the value")
    return values.map(names).astype(object)


def _every_slice(
    split: ScoredSplit,
    columns: tuple[SliceColumn, ...],
    crossings: Sequence[Sequence[str]],
    named: Sequence[NamedSlice],
) -> Iterator[Slice]:
    known = {column.column: column for column in columns}
    for families in (*((name,) for name in known), *crossings):
        yield from _family_slices(split, _known_columns(families, known))
    for one in named:
        yield _named_slice(split, one)
    if "capture_kind" in split.table:  # templates mix captures
        yield from _capture_slices(split)
    if "family_id" in split.table:
        yield Slice(SIBLINGS, _sibling_pairs(split), label_sources(split.table, "family_id"))


def _known_columns(
    names: Sequence[str], known: Mapping[str, SliceColumn]
) -> tuple[SliceColumn, ...]:
    for name in names:
        if name not in known:
            raise SliceError(
                f"the crossing {family_name(names)} names {name!r}, which is no slice column;"
                " add it to slice_columns or correct slice_crossings"
            )
    return tuple(known[name] for name in names)


def _family_slices(split: ScoredSplit, columns: Sequence[SliceColumn]) -> Iterator[Slice]:
    """Slices of a column, or cells of a crossing: those values that somebody has."""
    names = [column.column for column in columns]
    cells = cells_of(split.table, names)
    codes, found = pd.factorize(cells, sort=True)
    left, right = codes[split.pairs.left], codes[split.pairs.right]
    for code, cell in enumerate(found):
        members = (left == code) & (right == code)
        rows = split.table[codes == code]
        if any(column.usual is not None for column in columns):
            members |= split.pairs.genuine & _genuine_of(split, columns, rows)
        labels = tuple(source for name in names for source in label_sources(rows, name))
        yield Slice(str(cell), members, labels, family_name(names))


def _genuine_of(split: ScoredSplit, columns: Sequence[SliceColumn], rows: pd.DataFrame) -> Flags:
    """Pairs (num_pairs,) that touch the value of each column as a genuine pair must."""
    found = np.ones(len(split.pairs), dtype=bool)
    for column in columns:
        value = rows[column.column].iloc[0]
        left, right = _sides(split, split.table[column.column] == value)
        found &= (left & right) if column.usual in (None, value) else (left | right)
    return found


def _named_slice(split: ScoredSplit, one: NamedSlice) -> Slice:
    photos = one.photos(split.table)
    left, right = photos[split.pairs.left], photos[split.pairs.right]
    members = left & right
    if one.genuine == "either":
        members = members | (split.pairs.genuine & (left | right))
    rows = split.table[photos]
    columns = sorted({condition.column for condition in one.conditions})
    provenance = [name for name in columns if f"{name}_provenance" in rows]
    labels = tuple(source for name in provenance for source in label_sources(rows, name))
    return Slice(one.name, members, labels)


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
