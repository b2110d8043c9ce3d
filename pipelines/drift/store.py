"""Windows as Parquet; embeddings as lists of float32.

The lists have no fixed size in the file: Parquet cannot tell a missing list of fixed size from an
empty one, and pyarrow 25 refuses to read back what it has written. `embeddings_of` checks lengths.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet as pq

from data.errors import ManifestError
from data.files import whole_file
from evaluation.drift.window import EMBEDDING, check_window, embeddings_of

_LIST = pyarrow.list_(pyarrow.float32())


def write_window(table: pd.DataFrame, path: Path) -> None:
    """Check and write a window, whole or not at all; raises `ManifestError`, `DriftError`."""
    table = check_window(table, str(path))
    given, _ = embeddings_of(table)
    arrow = pyarrow.Table.from_pandas(
        table.drop(columns=EMBEDDING, errors="ignore"), preserve_index=False
    )
    if given.any():
        rows = [
            np.asarray(one, np.float32) if is_one else None
            for one, is_one in zip(table[EMBEDDING], given, strict=True)
        ]
        arrow = arrow.append_column(EMBEDDING, pyarrow.array(rows, type=_LIST))
    with whole_file(path) as partial:
        pq.write_table(arrow, partial)


def read_window(path: Path) -> pd.DataFrame:
    """Read and check a window; raises `ManifestError` where it is missing or broken."""
    try:
        table = pq.read_table(path).to_pandas()
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as a window ({error})") from error
    return check_window(table, str(path))
