"""Third-party labels of LFW: gender of some people, SCRFD landmarks of the photos in the pairs.

`meta.csv`, one row for each photo: path, identity, gender, then x and y of five landmarks.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.tables import ImportedTable, read_table

GENDER_PROVENANCE: Final = "predicted:lfw_third_party_labels"
LANDMARKS_PROVENANCE: Final = "predicted:scrfd"
_GENDERS: Final = {"male": "masculine", "female": "feminine"}
_POINTS: Final = ("xle", "yle", "xre", "yre", "xno", "yno", "xlm", "ylm", "xrm", "yrm")


def read_lfw_labels(path: Path) -> pd.DataFrame:
    """Read `meta.csv`: subject_id, gender, and on the index `Person/photo.jpg` the landmarks.

    Raises `SourceError` that names row and column of what is not as it should be.
    """
    table = read_table(path, ("path", "identity"), ("gender", *_POINTS))
    rows = table.rows
    _check(table, "path", rows["path"].isna() | rows["path"].duplicated(), "is empty or repeated")
    _check(table, "identity", rows["identity"].isna(), "is empty")
    labels = pd.DataFrame({"subject_id": rows["identity"], "gender": _genders(table)})
    for name, column in zip(TRUE_LANDMARK_COLUMNS, _POINTS, strict=True):
        labels[name] = _numbers(table, column)
    return labels.set_index(rows["path"].str.removeprefix("images/"))


def with_labels(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Add gender by person and landmarks by photo, each with its provenance."""
    genders = labels.dropna(subset="gender").drop_duplicates("subject_id")
    gender = table["subject_id"].map(genders.set_index("subject_id")["gender"])
    points = labels[list(TRUE_LANDMARK_COLUMNS)].reindex(table["path"]).set_axis(table.index)
    return table.assign(
        gender=gender,
        gender_provenance=gender.map({name: GENDER_PROVENANCE for name in _GENDERS.values()}),
        **points,
        true_landmarks_provenance=points.notna().any(axis=1).map({True: LANDMARKS_PROVENANCE}),
    )


def _genders(table: ImportedTable) -> pd.Series:
    if "gender" not in table.rows:
        return pd.Series(None, index=table.rows.index, dtype=object)
    genders = table.rows["gender"].str.lower().map(_GENDERS)
    unknown = table.rows["gender"].notna() & genders.isna()
    _check(table, "gender", unknown, f"is none of {', '.join(_GENDERS)}")
    return genders


def _numbers(table: ImportedTable, column: str) -> pd.Series:
    if column not in table.rows:
        return pd.Series(float("nan"), index=table.rows.index)
    numbers = pd.to_numeric(table.rows[column], errors="coerce")
    _check(table, column, table.rows[column].notna() & numbers.isna(), "is no number")
    return numbers


def _check(table: ImportedTable, column: str, wrong: pd.Series, what: str) -> None:
    if wrong.any():
        raise table.fault(int(wrong.to_numpy().argmax()), column, what)
