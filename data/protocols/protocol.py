"""A pair protocol in memory: comparisons between named photos or templates."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.errors import ProtocolError
from data.pairs import Pairs, PairsError, Rows

Bins = NDArray[np.object_]

NOT_MINED = -1


@dataclass(frozen=True, slots=True)
class PairProtocol:
    """Comparisons by name. Positions instead of names, because there may be millions of pairs."""

    ids: tuple[str, ...]
    """Photos, or templates, each once; some may be in no pair."""
    pairs: Pairs
    """Positions in `ids`, in the order of the protocol."""
    bins: Bins | None = None
    """(num_pairs,): name of the part that a pair belongs to, None for a pair in no part."""
    ranks: Rows | None = None
    """(num_pairs,): which neighbour a look-alike is, from 1; `NOT_MINED` for other pairs."""

    def __post_init__(self) -> None:
        for column in (self.bins, self.ranks):
            if column is not None and column.shape != (len(self.pairs),):
                raise PairsError(f"a column of {column.shape} for {len(self.pairs)} pairs")
        for side in (self.pairs.left, self.pairs.right):
            if len(side) and not 0 <= side.min() <= side.max() < len(self.ids):
                raise PairsError(f"a pair points outside the {len(self.ids)} names of its protocol")

    def __len__(self) -> int:
        return len(self.pairs)

    def on(self, ids: Sequence[str]) -> Pairs:
        """Express the pairs as positions in a table with these photos or templates.

        Raises `PairsError` that names the first photo of a pair that the table lacks.
        """
        position = {name: row for row, name in enumerate(ids)}
        rows = np.array([position.get(name, -1) for name in self.ids], dtype=np.int64)
        left, right = rows[self.pairs.left], rows[self.pairs.right]
        missing = np.flatnonzero((left < 0) | (right < 0))
        if len(missing):
            first = missing[0]
            side = self.pairs.left if left[first] < 0 else self.pairs.right
            raise PairsError(
                f"{self.ids[side[first]]!r} of the protocol is not in the table; `dvc repro curate`"
            )
        return Pairs(left, right, self.pairs.genuine, self.pairs.fold)

    def compact(self) -> "PairProtocol":
        """Return the same comparisons, with only the names that occur in them, sorted."""
        used = np.zeros(len(self.ids), dtype=bool)
        used[self.pairs.left] = used[self.pairs.right] = True
        names = [name for name, keep in zip(self.ids, used, strict=True) if keep]
        ids = tuple(sorted(names))
        return PairProtocol(ids, self.on(ids), self.bins, self.ranks)

    def digest(self) -> str:
        """SHA-256 of the comparisons, in hex; the same on every machine and in every file format.

        It is over the sorted names and, column by column, little-endian numbers in the order of the
        protocol, so that neither compression nor the version of a Parquet writer matters.
        """
        plain = self.compact()
        found = hashlib.sha256()
        for part in (*_columns_of(plain.pairs), plain.ranks):
            _add(found, b"" if part is None else part.astype("<i8").tobytes())
        names = [] if plain.bins is None else ["" if b is None else str(b) for b in plain.bins]
        for texts in (plain.ids, names):
            _add(found, "".join(f"{len(text)}:{text}" for text in texts).encode())
        return found.hexdigest()


def join(parts: Sequence[PairProtocol]) -> PairProtocol:
    """Put protocols over the same names one after the other.

    Raises `ProtocolError` where their names differ. A part without bins or ranks gets none of them.
    """
    first = parts[0]
    if any(part.ids != first.ids for part in parts):
        raise ProtocolError("only protocols over the same photos can be joined")
    pairs = Pairs(
        np.concatenate([part.pairs.left for part in parts]),
        np.concatenate([part.pairs.right for part in parts]),
        np.concatenate([part.pairs.genuine for part in parts]),
    )
    bins = [np.full(len(p), None, dtype=object) if p.bins is None else p.bins for p in parts]
    ranks = [np.full(len(p), NOT_MINED) if p.ranks is None else p.ranks for p in parts]
    return PairProtocol(
        first.ids,
        pairs,
        np.concatenate(bins) if any(p.bins is not None for p in parts) else None,
        np.concatenate(ranks) if any(p.ranks is not None for p in parts) else None,
    )


def take(protocol: PairProtocol, kept: NDArray[np.int64]) -> PairProtocol:
    """Keep some pairs of a protocol, in the order given."""
    pairs = protocol.pairs
    fold = None if pairs.fold is None else pairs.fold[kept]
    return PairProtocol(
        protocol.ids,
        Pairs(pairs.left[kept], pairs.right[kept], pairs.genuine[kept], fold),
        None if protocol.bins is None else protocol.bins[kept],
        None if protocol.ranks is None else protocol.ranks[kept],
    )


def names_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Photos of a manifest, in its order."""
    return tuple(table["image_id"].astype(str))


def _columns_of(pairs: Pairs) -> tuple[NDArray[np.generic] | None, ...]:
    return pairs.left, pairs.right, pairs.genuine, pairs.fold


def _add(found: "hashlib._Hash", content: bytes) -> None:
    """Length first, so that no two contents run into one another."""
    found.update(f"{len(content)}:".encode())
    found.update(content)
