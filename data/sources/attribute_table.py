"""Attributes that people bring along in a table: one row for each person, or for each photo."""

from pathlib import Path
from typing import Final

import pandas as pd

from data.errors import SourceError
from data.sources.tables import KNOWLEDGE_COLUMNS, ImportedProvenance, knowledge_of, read_table

_KEYS: Final = ("path", "subject_id")


def add_attributes(
    rows: pd.DataFrame, table_path: Path, provenance: ImportedProvenance
) -> pd.DataFrame:
    """Add what a table says of people (`subject_id`) or photos (`path`) to rows of a source.

    A row of the table must name a person or photo that is there; people and photos that the table
    does not name stay without attributes. Raises `SourceError` or `ManifestError` that names file,
    row and column.
    """
    table = read_table(table_path, (), (*_KEYS, *KNOWLEDGE_COLUMNS))
    keys = [name for name in _KEYS if name in table.rows]
    if len(keys) != 1:
        raise SourceError(f"{table_path}: must have one of the columns path and subject_id")
    (key,) = keys
    names = table.rows[key].astype("string")
    for wrong, what in (
        (names.isna(), "is empty"),
        (names.duplicated(), "has a row already"),
        (~names.isin(rows[key]), "is not in the source"),
    ):
        if wrong.any():
            raise table.fault(int(wrong.to_numpy().argmax()), key, what)
    known = knowledge_of(table, provenance).set_index(names.to_numpy())
    return pd.concat([rows, known.reindex(rows[key]).set_axis(rows.index)], axis=1)
