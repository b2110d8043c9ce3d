"""Caps: no photo, no person and no cell may decide a figure by being compared too often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.pairs import Rows


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit on how often anything of one kind may occur."""

    members: NDArray[np.int64]
    """(num_pairs, k): what each pair contains of this kind, such as its two photos."""
    limit: int


def within_caps(num_pairs: int, caps: Sequence[Cap]) -> Rows:
    """Keep each pair, in order, of which nothing has reached its cap; returns their positions.

    The same as going through the pairs one by one. In each round the pairs are kept that come early
    enough for everything in them, whatever becomes of the pairs before; one by one they would be
    kept too. A member must not occur twice in a pair.
    """
    used = [np.zeros(int(cap.members.max(initial=-1)) + 1, dtype=np.int64) for cap in caps]
    open_pairs, kept = np.arange(num_pairs), [np.zeros(0, dtype=np.int64)]
    while len(open_pairs):
        rooms = [cap.limit - count[cap.members] for cap, count in _of(caps, used, open_pairs)]
        possible = _all([room > 0 for room in rooms], len(open_pairs))
        open_pairs = open_pairs[possible]
        early = _all(
            [
                _occurrence(cap.members) < room[possible]
                for (cap, _), room in zip(_of(caps, used, open_pairs), rooms, strict=True)
            ],
            len(open_pairs),
        )
        kept.append(open_pairs[early])
        for cap, count in _of(caps, used, kept[-1]):
            np.add.at(count, cap.members.ravel(), 1)
        open_pairs = open_pairs[~early]
    return np.sort(np.concatenate(kept))


def _of(caps: Sequence[Cap], used: list[Rows], pairs: Rows) -> list[tuple[Cap, Rows]]:
    """Each cap on some pairs alone, and how often its members have been kept."""
    return [(Cap(c.members[pairs], c.limit), n) for c, n in zip(caps, used, strict=True)]


def _all(flags: list[NDArray[np.bool_]], num_pairs: int) -> NDArray[np.bool_]:
    """Whether all flags of a pair are set, in every one of several arrays (num_pairs, k)."""
    found = np.ones(num_pairs, dtype=bool)
    for part in flags:
        found &= part.all(axis=1)
    return found


def _occurrence(members: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each member has occurred in the rows before, counted from 0."""
    flat = members.ravel()
    order = np.argsort(flat, kind="stable")
    starts = np.r_[True, flat[order][1:] != flat[order][:-1]]
    place = np.arange(len(flat))
    within = np.empty(len(flat), dtype=np.int64)
    within[order] = place - np.maximum.accumulate(np.where(starts, place, 0))
    return within.reshape(members.shape)
