"""A window: what one stretch of traffic left behind, one row for each attempt at a gate.

The rows are claims of an identity with their score, so nearly all of them are genuine: scores of
impostor pairs have no place in a reference window. Attempts of one person resemble each other. To
take them for independent would make every null too narrow, so the tests keep one row a person, the
first one.
"""

from typing import Final

import numpy as np
import pandas as pd
import pandera.pandas as pa
from numpy.typing import NDArray

from data.manifest import QUALITY_COLUMNS, validate
from evaluation.errors import DriftError

DECISIONS: Final = ("match", "non_match", "refused")
EMBEDDING: Final = "embedding"
WINDOW_QUALITY: Final = tuple(c for c in QUALITY_COLUMNS if c.rpartition("_")[2] == "quality")
"""Components of 0 to 100 and the whole, as `data.quality` measures them."""


def _score_where_decided(table: pd.DataFrame) -> "pd.Series[bool]":
    scored = table["score"].notna() if "score" in table else pd.Series(False, index=table.index)
    return scored == (table["decision"] != "refused")


WINDOW_SCHEMA: Final = pa.DataFrameSchema(
    {
        "subject_id": pa.Column(str, pa.Check.str_length(min_value=1)),
        "score": pa.Column(float, pa.Check.in_range(-1, 1), nullable=True),
        "decision": pa.Column(str, pa.Check.isin(DECISIONS)),
        "site": pa.Column(str, nullable=True),
        "device": pa.Column(str, nullable=True),
        "at_s": pa.Column(float, pa.Check(np.isfinite, error="is_finite"), nullable=True),
        **{
            name: pa.Column(float, pa.Check.in_range(0, 100), nullable=True)
            for name in WINDOW_QUALITY
        },
        EMBEDDING: pa.Column(object, nullable=True, required=False),
    },
    strict=True,
    coerce=True,
    checks=[pa.Check(_score_where_decided, error="a row has a score where it was not refused")],
)
"""`subject_id` is whose identity was claimed, as a pseudonym; `at_s` is seconds of one clock, null
where there was none; quality is null where no face was measured; `embedding` is the live photo's,
L2-normalised. Neither photo nor name is in it, but embeddings are biometric data all the same."""


def check_window(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Check a window against the schema; raises `ManifestError` that names row and column."""
    return validate(table, WINDOW_SCHEMA, name, remedy="write it anew with what measured it")


def first_of_each_person(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the first row of every person, by time where it is known, counted from 0."""
    ordered = table.sort_values("at_s", kind="stable", na_position="first")
    return ordered.drop_duplicates("subject_id").reset_index(drop=True)


def embeddings_of(table: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Say which rows (n,) have an embedding, and return those (num_given, dim).

    Raises `DriftError` where they are of different lengths.
    """
    if EMBEDDING not in table:
        return np.zeros(len(table), dtype=bool), np.zeros((0, 0))
    given = table[EMBEDDING].notna().to_numpy(dtype=bool)
    found = [np.asarray(one, dtype=np.float64) for one in table.loc[given, EMBEDDING]]
    if len({one.shape for one in found}) > 1:
        raise DriftError("embeddings of different lengths; a window is of one model only")
    return given, np.stack(found) if found else np.zeros((0, 0))
