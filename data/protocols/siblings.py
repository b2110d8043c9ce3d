"""Siblings: impostor pairs of one known family, the hardest strangers there are."""

import numpy as np
import pandas as pd

from data.pairs import Rows, genuine_cells
from data.protocols.config import PairCaps, SiblingsConfig
from data.protocols.drawn import Drawn
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol, join


def siblings(photos: SplitPhotos, config: SiblingsConfig, seed: int) -> Drawn:
    """Impostor pairs of one family, and genuine pairs of the same people, both within caps."""
    impostor = photos.drawn(family_pairs(photos), config.caps, genuine=False)
    num_unknown = int(photos.table["family_id"].isna().sum())
    return Drawn(
        join([impostor, genuine_beside(photos, impostor, config.caps)]),
        definition="impostor pairs of one family, and genuine pairs of the same people",
        labels=("family_id",),
        seed=seed,
        notes=(f"{num_unknown} of {len(photos)} photos are of people of unknown family",),
    )


def family_pairs(photos: SplitPhotos) -> tuple[Rows, Rows]:
    """All pairs of photos of two people of one known family, smaller row first."""
    families = pd.factorize(photos.table["family_id"])[0].astype(np.int64)
    known = np.flatnonzero(families >= 0)
    one, other = np.divmod(np.sort(genuine_cells(families[known])), max(len(known), 1))
    left, right = known[one], known[other]
    wanted = (photos.subjects[left] != photos.subjects[right]) & photos.comparable(left, right)
    return left[wanted], right[wanted]


def genuine_beside(photos: SplitPhotos, impostor: PairProtocol, caps: PairCaps) -> PairProtocol:
    """Draw genuine pairs of the people who occur in impostor pairs, within caps."""
    sides = np.concatenate([impostor.pairs.left, impostor.pairs.right])
    left, right = photos.genuine_pairs()
    wanted = np.isin(photos.subjects[left], photos.subjects[sides])
    return photos.drawn((left[wanted], right[wanted]), caps, genuine=True)
