"""Which photos are trained on, and as which class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.pairs import Flags

NOT_TRAINED = -1


def training_labels(
    table: pd.DataFrame, min_photos: int, contents: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """Class of each row (n,) of a manifest with splits, counted from 0; -1 for rows left out.

    Trained on are usable photos of the train split, of people with `min_photos` of them. A photo
    whose very file also stands in another split is left out, whoever it shows there: else the
    network would have seen what it is judged by. `contents` (n,) are the digests of the files.
    """
    usable = (table["split"] == "train") & table["reject_reason"].isna()
    usable &= ~copied_elsewhere(table, contents)
    num_usable = usable.groupby(table["subject_id"]).transform("sum")
    taken = (usable & (num_usable >= min_photos)).to_numpy()
    codes = np.full(len(table), NOT_TRAINED)
    # Sorted by name, so that a label does not depend on the order of the manifest.
    codes[taken] = pd.factorize(table.loc[taken, "subject_id"], sort=True)[0]
    return codes


def copied_elsewhere(table: pd.DataFrame, contents: Sequence[str] | None) -> Flags:
    """Rows (n,) of the train split whose file, byte by byte, also stands in another split."""
    train = (table["split"] == "train").to_numpy()
    if contents is None:
        return np.zeros(len(table), dtype=bool)
    files = pd.Series(list(contents))
    found: Flags = train & files.isin(set(files[~train])).to_numpy()
    return found
