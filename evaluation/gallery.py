"""The comparisons that went most wrong, so that people can look at what the rates are made of.

A comparison that failed because a photo gave no template has no score to be wrong by. It is counted
in FNMR and shown among the failures to extract, not here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pandas as pd

from evaluation.errors import ScoresError
from evaluation.groups.slices import Slice
from evaluation.scores import Codes, ScoredSplit

FALSE_MATCH: Final = "false_match"
FALSE_NON_MATCH: Final = "false_non_match"
COLUMNS: Final = (
    "kind",
    "left_image_id",
    "right_image_id",
    "left_subject_id",
    "right_subject_id",
    "score",
    "threshold",
    "slices",
)
MAX_PER_PERSON: Final = 2
"""Else one bad photo of one person, which fails against everything, fills the whole gallery."""


def worst_pairs(
    split: ScoredSplit, threshold: float, slices: Iterable[Slice] = (), limit: int = 12
) -> pd.DataFrame:
    """The false matches with the highest and the false non-matches with the lowest scores.

    Returns at most `limit` rows of each `kind`, worst first, with `COLUMNS`; `slices` are the names
    of those given that a comparison is in, separated by spaces. Nobody stands in more than
    `MAX_PER_PERSON` rows of a kind, and no two people twice together. Ties go by
    image id, so the order of photos is without influence.

    Raises `ScoresError` where the table has no image ids.
    """
    if "image_id" not in split.table:
        raise ScoresError("there is no column image_id, so no picture can be named; add it")
    impostor = np.flatnonzero(~split.pairs.genuine & (split.scores >= threshold))
    missed = split.pairs.genuine & (split.scores < threshold) & np.isfinite(split.scores)
    genuine = np.flatnonzero(missed)
    matches = _spread(split, _ordered(split, impostor, -split.scores[impostor]), limit)
    misses = _spread(split, _ordered(split, genuine, split.scores[genuine]), limit)
    kinds = [FALSE_MATCH] * len(matches) + [FALSE_NON_MATCH] * len(misses)
    rows = np.array([*matches, *misses], dtype=np.int64)
    return _table(split, rows, kinds, threshold, slices)


def _ordered(split: ScoredSplit, pairs: Codes, badness: np.ndarray) -> Codes:
    """Pairs by rising badness key, then by their image ids."""
    ids = split.table["image_id"].to_numpy(str)
    left, right = ids[split.pairs.left[pairs]], ids[split.pairs.right[pairs]]
    first, second = np.where(left < right, left, right), np.where(left < right, right, left)
    return pairs[np.lexsort((second, first, badness))]


def _spread(split: ScoredSplit, ordered: Codes, limit: int) -> list[int]:
    """The first `limit` pairs in which nobody stands too often."""
    return [pair for pair, _ in zip(_fair(split, ordered), range(limit), strict=False)]


def _fair(split: ScoredSplit, ordered: Codes) -> Iterator[int]:
    people = split.subject_codes()
    seen: Counter[int] = Counter()
    couples: set[frozenset[int]] = set()
    for pair in ordered:
        both = frozenset(
            (int(people[split.pairs.left[pair]]), int(people[split.pairs.right[pair]]))
        )
        if all(seen[person] < MAX_PER_PERSON for person in both) and both not in couples:
            seen.update(both)
            couples |= {both} if len(both) > 1 else set()
            yield int(pair)


def _table(
    split: ScoredSplit, rows: Codes, kinds: list[str], threshold: float, slices: Iterable[Slice]
) -> pd.DataFrame:
    names: list[list[str]] = [[] for _ in rows]
    for part in slices:
        for place in np.flatnonzero(part.members[rows]):
            names[place].append(part.name)
    left, right = split.pairs.left[rows], split.pairs.right[rows]
    images, people = (split.table[name].to_numpy(str) for name in ("image_id", "subject_id"))
    values = (kinds, images[left], images[right], people[left], people[right], split.scores[rows])
    found = dict(zip(COLUMNS, (*values, threshold, [" ".join(n) for n in names]), strict=True))
    return pd.DataFrame(found, columns=list(COLUMNS))
