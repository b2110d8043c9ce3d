"""The standard protocol: every photo of a split with every other."""

import numpy as np

from data.pairs import cross_pairs
from data.protocols.config import StandardConfig
from data.protocols.drawn import Drawn
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import PairProtocol, take


def standard(photos: SplitPhotos, config: StandardConfig, seed: int) -> Drawn:
    """All genuine pairs, and all impostor pairs or a draw of them (`data.pairs.cross_pairs`)."""
    pairs = cross_pairs(list(photos.table["subject_id"]), config.max_impostor_pairs, seed)
    kept = np.flatnonzero(photos.comparable(pairs.left, pairs.right))
    num_left_out = len(pairs) - len(kept)
    notes = f"{num_left_out} pairs of one file under two names are left out"
    return Drawn(
        take(PairProtocol(photos.ids, pairs), kept),
        definition=(
            "every photo with every other; all genuine pairs, at most"
            f" {config.max_impostor_pairs} impostor pairs"
        ),
        seed=seed,
        notes=(notes,) if num_left_out else (),
    )
