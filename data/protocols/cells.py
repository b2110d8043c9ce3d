"""Cells: groups of photos whose people are of one gender, one ethnicity or skin tone, and an age.

An impostor who is paid to sit an exam resembles the student, so strangers at random say too little
(NIST IR 8280 reports false matches within such cells).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.pairs import Rows
from data.protocols.ages import Years
from data.protocols.config import HardConfig
from data.protocols.protocol import Bins

LABELS: Final = ("gender", "ethnicity", "skin_tone", "age_years", "age_band")
"""Columns that a cell is made of."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cell of each photo of a split."""

    names: tuple[str, ...]
    codes: Rows
    """(n,): position in `names`; -1 for a photo that is in no cell."""
    ages_years: Years
    """(n,): NaN where the age is known as a band at most; then the band is part of the cell."""
    window_years: float

    def rows(self) -> list[Rows]:
        """Rows of each cell, in the order of `names`."""
        return [np.flatnonzero(self.codes == code) for code in range(len(self.names))]

    def alike(self, left: Rows, right: Rows) -> NDArray[np.bool_]:
        """Whether two rows of one cell, of any shapes that fit together, are also alike in age."""
        gap = np.abs(self.ages_years[left] - self.ages_years[right])
        close: NDArray[np.bool_] = np.isnan(gap) | (gap <= self.window_years)
        return close

    def bins(self, rows: Rows) -> Bins:
        """Name of the cell of each row."""
        names: Bins = np.array([*self.names, None], dtype=object)
        found: Bins = names[self.codes[rows]]
        return found


def cells_of(table: pd.DataFrame, config: HardConfig) -> Cells:
    """Put each photo into its cell.

    The cell holds gender, then ethnicity, or skin tone where no ethnicity is known, then the age
    band where no age in years is known; ages in years are compared by the window instead. A photo
    of which one of the three is not known is in no cell, or in a cell of such photos
    (`HardConfig.unknown`).
    """
    parts = [
        _named(table["gender"]),
        _named(table["ethnicity"]).fillna(_named(table["skin_tone"])),
        _named(table["age_band"]).mask(table["age_years"].notna(), "age_in_years"),
    ]
    unknown = [part.isna() for part in parts]
    kinds = ("gender", "origin", "age")
    filled = [part.fillna(f"{kind}_unknown") for part, kind in zip(parts, kinds, strict=True)]
    names = filled[0] + "/" + filled[1] + "/" + filled[2]
    if config.unknown == "exclude":
        names = names.mask(unknown[0] | unknown[1] | unknown[2])
    codes, found = pd.factorize(names, sort=True, use_na_sentinel=True)
    ages = table["age_years"].to_numpy(dtype=float)
    return Cells(tuple(found), codes.astype(np.int64), ages, config.age_window_years)


def _named(column: pd.Series) -> pd.Series:
    """Values with their column, as in `gender_feminine`, so that a cell's name explains itself."""
    return column.map(lambda value: f"{column.name}_{value}", na_action="ignore").astype(object)
