"""Slices by name: conditions on columns of the manifest, as data and never as code."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluation.errors import SliceError
from evaluation.scores import Flags

Relation = Literal["below", "at_most", "above", "at_least", "equals", "differs", "one_of"]
Scalar = float | str

_ORDERED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "below": operator.lt,
    "at_most": operator.le,
    "above": operator.gt,
    "at_least": operator.ge,
}


class Condition(BaseModel):
    """One condition on one column, such as `quality_total` below 40."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    column: str = Field(min_length=1)
    """Of the manifest. A photo without a value never meets the condition."""
    relation: Relation
    """How the value stands to `value`; the ordered ones are for numbers."""
    value: Scalar | tuple[Scalar, ...]
    """A number or a text; several for `one_of`."""

    @model_validator(mode="after")
    def _value_fits(self) -> "Condition":
        if (self.relation == "one_of") != isinstance(self.value, tuple):
            raise ValueError(f"{self.column}: a list of values is what one_of takes, and needs")
        if self.relation in _ORDERED and isinstance(self.value, str):
            raise ValueError(f"{self.column}: {self.relation} compares numbers, not {self.value!r}")
        return self

    def met(self, table: pd.DataFrame) -> Flags:
        """Photos (num_rows,) that meet it. Raises `SliceError` for a column that is not there."""
        if self.column not in table:
            raise SliceError(f"no column {self.column!r} to slice by; correct named_slices")
        values = table[self.column]
        known: Flags = values.notna().to_numpy(dtype=bool)
        found = np.zeros(len(table), dtype=bool)
        found[known] = self._holds(values[known])
        return found

    def _holds(self, values: pd.Series) -> Flags:
        if self.relation in _ORDERED:
            return np.asarray(_ORDERED[self.relation](self._numbers(values), self.value))
        wanted = self.value if isinstance(self.value, tuple) else (self.value,)
        is_one = values.isin(wanted).to_numpy(dtype=bool)
        return ~is_one if self.relation == "differs" else is_one

    def _numbers(self, values: pd.Series) -> pd.Series:
        if not pd.api.types.is_numeric_dtype(values):
            raise SliceError(
                f"{self.column!r} holds no numbers, so nothing is {self.relation} {self.value};"
                " correct named_slices"
            )
        return values


class NamedSlice(BaseModel):
    """A slice with a name of its own: the photos that meet every condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    """As the report calls it."""
    conditions: tuple[Condition, ...] = Field(min_length=1)
    """All of them must hold."""
    genuine: Literal["both", "either"] = "both"
    """Which genuine pairs are in it: those with both photos, or with one at the least. Impostor
    pairs have both."""

    def photos(self, table: pd.DataFrame) -> Flags:
        """Photos (num_rows,) that meet every condition; raises `SliceError`."""
        found: Flags = np.all([condition.met(table) for condition in self.conditions], axis=0)
        return found
