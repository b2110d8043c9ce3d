"""The published protocol of a source, as it was published."""

from typing import Final

import numpy as np
import pandas as pd

from data.pairs import Pairs
from data.protocols.drawn import Drawn
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol
from data.protocols.store import TEMPLATE_COLUMNS
from data.published import PublishedPairs

OFFICIAL: Final = "official"


def official(photos: SplitPhotos, published: PublishedPairs) -> Drawn:
    """Take over published pairs with their folds; of templates, also which photos make them.

    A photo of a template without a medium is a medium of its own.
    """
    pairs = Pairs(
        published.left.astype(np.int64),
        published.right.astype(np.int64),
        published.is_genuine,
        published.fold,
    )
    folds = 0 if published.fold is None else len(np.unique(published.fold))
    return Drawn(
        PairProtocol(published.ids, pairs),
        definition=f"the pairs that were published with the data, in {folds} folds",
        templates=_templates(photos.table, published) if published.unit == "template" else None,
    )


def _templates(table: pd.DataFrame, published: PublishedPairs) -> pd.DataFrame:
    rows = table[table["template_id"].isin(published.ids)]
    media = rows["media_id"].fillna(rows["image_id"])
    return rows.assign(media_id=media)[list(TEMPLATE_COLUMNS)].reset_index(drop=True)
