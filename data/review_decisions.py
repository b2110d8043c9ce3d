"""What reviewers decided: a CSV that people edit, applied to the manifest before the splits.

    image_id,decision,new_subject_id,reviewer,reason
    s000012_p0003,exclude,,kw,another student is in the foreground
    s000031_p0001,relabel,s000047,kw,filed under the wrong card
    s000050_p0000,keep,,kw,two photos a second apart

`exclude` rejects the photo with `excluded_by_review`; `relabel` moves it to another person; `keep`
only closes its findings. The old name stays in the table of applied decisions.
"""

from pathlib import Path
from typing import Final

import pandas as pd
import pandera.pandas as pa

from data.errors import ManifestError
from data.manifest import validate

EXCLUDED: Final = "excluded_by_review"
"""The reject reason of a photo that a reviewer excluded."""
PERSON_ATTRIBUTES: Final = ("gender", "ethnicity", "skin_tone", "family_id")
"""What belongs to the person and not to the photo: it follows a relabelled photo's new name."""

_DECISION: Final = {
    "image_id": pa.Column(str, pa.Check.str_length(min_value=1), unique=True),
    "decision": pa.Column(str, pa.Check.isin(("keep", "exclude", "relabel"))),
    "new_subject_id": pa.Column(str, nullable=True),
    "reviewer": pa.Column(str, pa.Check.str_length(min_value=1)),
    "reason": pa.Column(str, pa.Check.str_length(min_value=1)),
}


def _names_a_person_where_needed(table: pd.DataFrame) -> pd.Series:
    is_relabel = table["decision"] == "relabel"
    if "new_subject_id" not in table:  # `validate` leaves out columns that are null all over
        return ~is_relabel
    return is_relabel == table["new_subject_id"].notna()


DECISIONS_SCHEMA: Final = pa.DataFrameSchema(
    _DECISION,
    strict=True,
    coerce=True,
    checks=pa.Check(
        _names_a_person_where_needed,
        error="new_subject_id is given for relabel, and for nothing else",
    ),
)
APPLIED_SCHEMA: Final = pa.DataFrameSchema(
    {**_DECISION, "old_subject_id": pa.Column(str)}, strict=True, coerce=True
)


def no_decisions() -> pd.DataFrame:
    """The empty table of decisions."""
    return pd.DataFrame(columns=list(_DECISION), dtype=object)


def read_decisions(path: Path) -> pd.DataFrame:
    """Read a decision file; raises `ManifestError` that names the file, its line and the column."""
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8", skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as decisions ({error})") from error
    return validate(
        table,
        DECISIONS_SCHEMA,
        str(path),
        remedy=f"correct the line; the columns are {', '.join(_DECISION)}",
        row_name=lambda row: f"line {row + 2}",
    )


def apply_decisions(
    table: pd.DataFrame, decisions: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A copy of the manifest with the decisions in force, and the decisions with the old names.

    Raises `ManifestError` for a photo that the manifest does not have: a decision about nothing is
    a mistake that somebody should know of.
    """
    if decisions.empty:
        applied = decisions.assign(old_subject_id="")
        return table.copy(), validate(applied, APPLIED_SCHEMA, "applied decisions")
    _check_known(table, decisions)
    positions = pd.Series(range(len(table)), index=table["image_id"])
    rows = table.index[positions[decisions["image_id"]].to_numpy(int)]
    applied = decisions.assign(old_subject_id=table.loc[rows, "subject_id"].to_numpy())
    table = table.copy()
    excluded = rows[(decisions["decision"] == "exclude").to_numpy()]
    table.loc[excluded, "reject_reason"] = EXCLUDED
    is_relabelled = (decisions["decision"] == "relabel").to_numpy()
    known = _known_people(table)
    for row, name in zip(
        rows[is_relabelled], decisions["new_subject_id"][is_relabelled], strict=True
    ):
        table.loc[row, "subject_id"] = name
        _take_attributes(table, row, known.get(name))
    return table, validate(applied, APPLIED_SCHEMA, "applied decisions")


def mark_decided(findings: pd.DataFrame, applied: pd.DataFrame) -> pd.DataFrame:
    """Fill `decision` of the findings whose photo, or whose other photo, has been decided."""
    known = applied.set_index("image_id")["decision"]
    decided = findings["image_id"].map(known)
    return findings.assign(decision=decided.fillna(findings["other_image_id"].map(known)))


def _check_known(table: pd.DataFrame, decisions: pd.DataFrame) -> None:
    unknown = ~decisions["image_id"].isin(table["image_id"])
    if unknown.any():
        raise ManifestError(
            f"{int(unknown.sum())} decisions are about photos that the manifest does not have, such"
            f" as {decisions['image_id'][unknown].iloc[0]!r}; remove them from the decision file"
        )


def _known_people(table: pd.DataFrame) -> dict[str, int]:
    """First row of each person, before anything is moved."""
    return dict(zip(table["subject_id"][::-1], table.index[::-1], strict=True))


def _take_attributes(table: pd.DataFrame, row: int, like: int | None) -> None:
    columns = [
        column
        for name in PERSON_ATTRIBUTES
        for column in (name, f"{name}_provenance", f"{name}_confidence")
        if column in table.columns
    ]
    for column in columns:
        table.loc[row, column] = None if like is None else table.loc[like, column]
