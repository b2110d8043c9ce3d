"""Hard impostors: strangers of one cell, and of those the look-alikes; siblings come first."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from data.pairs import Flags, Rows
from data.protocols.cells import LABELS, Cells, cells_of
from data.protocols.config import HardConfig, MiningConfig
from data.protocols.drawn import Drawn
from data.protocols.index import Miner
from data.protocols.keys import meetings, pair_keys
from data.protocols.mining import Embeddings, look_alikes
from data.protocols.photos import SplitPhotos
from data.protocols.protocol import NOT_MINED, Bins, join
from data.protocols.siblings import family_pairs, genuine_beside

FAMILY_BIN: Final = "family"
_OVERSAMPLING: Final = 16  # partners drawn for each wanted one: ages and caps refuse most of them


class _Candidates(NamedTuple):
    """Impostor pairs that qualify, the hardest first."""

    left: Rows
    right: Rows
    ranks: Rows
    bins: Bins


def hard(
    photos: SplitPhotos,
    config: HardConfig,
    mining: MiningConfig,
    embeddings: Mapping[Miner, Embeddings],
    seed: int,
) -> Drawn:
    """Impostor pairs that are alike, the hardest first into the caps, and genuine pairs beside.

    A pair is of one family or of one cell (`cells_of`). With models, a pair of a cell is one of the
    `top_k` look-alikes of either photo, and `rank` says which; without, pairs are drawn.
    `embeddings` are of all photos (n, dim). The genuine pairs are of the people of the impostor
    pairs, with the same caps. Raises `ProtocolError` for one model alone.
    """
    cells = cells_of(photos.table, config)
    if embeddings:
        named = {miner.name: found for miner, found in embeddings.items()}
        strangers = _mined(photos, cells, named, mining)
    else:
        strangers = _drawn(photos, cells, config)
    found = _without_repeats(_families(photos), strangers, len(photos))
    impostor = photos.capped(
        (found.left, found.right),
        config.caps,
        genuine=False,
        bins=found.bins,
        ranks=found.ranks,
        max_per_bin=config.max_pairs_per_cell,
    )
    return Drawn(
        join([impostor, genuine_beside(photos, impostor, config.caps)]),
        definition=_definition(config, mining, tuple(embeddings)),
        bins=(FAMILY_BIN,),
        labels=(*LABELS, "family_id"),
        mined_with=tuple(embeddings),
        seed=seed,
        notes=_notes(photos, cells, mined=bool(embeddings)),
    )


def _families(photos: SplitPhotos) -> _Candidates:
    left, right = family_pairs(photos)
    order = np.argsort(pair_keys(photos.keys, left, right), kind="stable")
    bins = np.full(len(left), FAMILY_BIN, dtype=object)
    return _Candidates(left[order], right[order], np.full(len(left), NOT_MINED), bins)


def _drawn(photos: SplitPhotos, cells: Cells, config: HardConfig) -> _Candidates:
    """Pairs of each cell, all of them or a draw, in the order of their keys."""
    partners = _OVERSAMPLING * config.caps.per_unit
    met = [meetings(rows, rows, photos.keys, partners) for rows in cells.rows()]
    none = np.zeros(0, dtype=np.int64)
    left = np.concatenate([none, *(pair[0] for pair in met)])
    right = np.concatenate([none, *(pair[1] for pair in met)])
    wanted = _strangers(photos, cells, left, right)
    left, right = left[wanted], right[wanted]
    order = np.argsort(pair_keys(photos.keys, left, right), kind="stable")
    left, right = left[order], right[order]
    return _Candidates(left, right, np.full(len(left), NOT_MINED), cells.bins(left))


def _mined(
    photos: SplitPhotos, cells: Cells, embeddings: Mapping[str, Embeddings], config: MiningConfig
) -> _Candidates:
    """Look-alikes of each cell, the nearest first; a pair found twice comes first at its best."""
    found = [
        look_alikes(embeddings, rows, lambda a, b: _strangers(photos, cells, a, b), config)
        for rows in cells.rows()
    ]
    none = np.zeros(0, dtype=np.int64)
    query = np.concatenate([none, *(part.query for part in found)])
    neighbour = np.concatenate([none, *(part.neighbour for part in found)])
    ranks = np.concatenate([none, *(part.rank for part in found)])
    means = np.concatenate([np.zeros(0), *(part.mean_rank for part in found)])
    order = np.lexsort((pair_keys(photos.keys, query, neighbour), means, ranks))
    left, right = np.minimum(query, neighbour)[order], np.maximum(query, neighbour)[order]
    return _Candidates(left, right, ranks[order], cells.bins(left))


def _strangers(photos: SplitPhotos, cells: Cells, left: Rows, right: Rows) -> Flags:
    different = photos.subjects[left] != photos.subjects[right]
    found: Flags = different & photos.comparable(left, right) & cells.alike(left, right)
    return found


def _without_repeats(first: _Candidates, second: _Candidates, num_rows: int) -> _Candidates:
    """Both, one after the other, each pair where it stands first."""
    both = _Candidates(*(np.concatenate(parts) for parts in zip(first, second, strict=True)))
    kept = np.sort(np.unique(both.left * num_rows + both.right, return_index=True)[1])
    return _Candidates(*(column[kept] for column in both))


def _definition(config: HardConfig, mining: MiningConfig, miners: tuple[Miner, ...]) -> str:
    choice = (
        f"the {mining.top_k} nearest by mean rank of {', '.join(m.name for m in miners)}"
        if miners
        else "drawn by their labels alone"
    )
    return (
        "impostor pairs of one family, and of one gender, one ethnicity or skin tone, and of an age"
        f" within {config.age_window_years:g} years or of one age band, {choice};"
        f" at most {config.caps.per_unit} for each photo and {config.caps.per_subject} for each"
        " person; and genuine pairs of the same people"
    )


def _notes(photos: SplitPhotos, cells: Cells, *, mined: bool) -> tuple[str, ...]:
    num_outside = int(np.count_nonzero(cells.codes < 0))
    notes = [
        f"{len(cells.names)} cells; {num_outside} of {len(photos)} photos are in none, because a"
        " label is unknown"
    ]
    if not mined:
        notes.append("no look-alikes were mined: curate.mining.models names no model")
    return tuple(notes)
