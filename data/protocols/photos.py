"""The photos of one split, ready to be paired."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.manifest import Split
from data.pairs import Pairs, Rows, genuine_cells
from data.protocols.caps import Cap, within_caps
from data.protocols.config import PairCaps
from data.protocols.keys import Keys, name_keys, pair_keys
from data.protocols.protocol import Bins, PairProtocol, names_of
from data.review_decisions import EXCLUDED


@dataclass(frozen=True, slots=True)
class SplitPhotos:
    """Manifest rows of one split, photos without a usable face among them."""

    table: pd.DataFrame
    """In the order of the manifest, counted from 0."""
    rows: Rows
    """(n,): where they stand in the whole manifest."""
    split: Split
    subjects: Rows
    """(n,): a number for each person."""
    contents: Rows
    """(n,): a number for each content; two rows of one number are the same file, byte by byte."""
    keys: Keys
    """(n,): what draws are keyed by."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the photos."""
        return names_of(self.table)

    def comparable(self, left: Rows, right: Rows) -> NDArray[np.bool_]:
        """Whether two rows are two photos; one file under two names is no comparison."""
        different: NDArray[np.bool_] = self.contents[left] != self.contents[right]
        return different

    def genuine_pairs(self) -> tuple[Rows, Rows]:
        """All pairs of photos of one person, smaller row first."""
        left, right = np.divmod(np.sort(genuine_cells(self.subjects)), max(len(self), 1))
        kept = self.comparable(left, right)
        return left[kept], right[kept]

    def drawn(self, pairs: tuple[Rows, Rows], caps: PairCaps, *, genuine: bool) -> PairProtocol:
        """Keep pairs of rows within caps, in the order of their keys."""
        left, right = pairs
        order = np.argsort(pair_keys(self.keys, left, right), kind="stable")
        return self.capped((left[order], right[order]), caps, genuine=genuine)

    def capped(
        self,
        pairs: tuple[Rows, Rows],
        caps: PairCaps,
        *,
        genuine: bool,
        bins: Bins | None = None,
        ranks: Rows | None = None,
        max_per_bin: int | None = None,
    ) -> PairProtocol:
        """Keep pairs of rows within caps, the first ones first; they come back sorted by row."""
        left, right = pairs
        limits = [Cap(np.stack([left, right], axis=1), caps.per_unit)]
        people = self.subjects[left][:, None] if genuine else self.subjects[limits[0].members]
        limits.append(Cap(people, caps.per_subject))
        if bins is not None and max_per_bin is not None:
            limits.append(Cap(pd.factorize(bins)[0].astype(np.int64)[:, None], max_per_bin))
        kept = within_caps(len(left), limits)
        kept = kept[np.lexsort((right[kept], left[kept]))]
        return PairProtocol(
            self.ids,
            Pairs(left[kept], right[kept], np.full(len(kept), genuine)),
            None if bins is None else bins[kept],
            None if ranks is None else ranks[kept],
        )


def split_photos(
    table: pd.DataFrame,
    split: Split,
    seed: int,
    contents: Sequence[str] | None = None,
    *,
    excluded: bool = False,
) -> SplitPhotos:
    """Take the rows of a split out of a curated manifest.

    `contents` (len(table),) holds the digest of each photo's file; without it, every photo is taken
    for another one. Photos that reviewers have excluded are left out unless `excluded` is set.
    """
    chosen = table["split"] == split
    if not excluded:
        chosen &= table["reject_reason"] != EXCLUDED
    rows = np.flatnonzero(chosen)
    part = table.iloc[rows].reset_index(drop=True)
    same = part["image_id"] if contents is None else pd.Series(contents).iloc[rows]
    return SplitPhotos(
        table=part,
        rows=rows,
        split=split,
        subjects=_codes(part["subject_id"]),
        contents=_codes(same),
        keys=name_keys(names_of(part), seed),
    )


def _codes(column: pd.Series) -> Rows:
    return np.asarray(pd.factorize(column)[0], dtype=np.int64)
