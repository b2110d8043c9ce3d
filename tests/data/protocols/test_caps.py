"""Capped choice in rounds, against going through the pairs one by one."""

from collections import Counter

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from data.protocols.caps import Cap, within_caps

photos = st.integers(0, 9)
pairs = st.lists(
    st.tuples(photos, photos).filter(lambda pair: pair[0] // 2 != pair[1] // 2), max_size=60
)


def one_by_one(
    rows: list[tuple[int, int]], per_photo: int, per_person: int, per_cell: int
) -> list[int]:
    seen: Counter[tuple[str, int]] = Counter()
    kept = []
    for number, (left, right) in enumerate(rows):
        wanted = [("photo", left, per_photo), ("photo", right, per_photo)]
        wanted += [("person", left // 2, per_person), ("person", right // 2, per_person)]
        wanted += [("cell", (left + right) % 3, per_cell)]
        if all(seen[kind, who] < limit for kind, who, limit in wanted):
            kept.append(number)
            seen.update((kind, who) for kind, who, _ in wanted)
    return kept


@settings(max_examples=300)
@given(pairs, st.integers(1, 4), st.integers(1, 6), st.integers(1, 12))
def test_the_same_as_one_by_one(
    rows: list[tuple[int, int]], per_photo: int, per_person: int, per_cell: int
) -> None:
    members = np.array(rows, dtype=np.int64).reshape(-1, 2)
    caps = [
        Cap(members, per_photo),
        Cap(members // 2, per_person),
        Cap(members.sum(axis=1, keepdims=True) % 3, per_cell),
    ]
    assert within_caps(len(rows), caps).tolist() == one_by_one(
        rows, per_photo, per_person, per_cell
    )


def test_without_caps_everything_is_kept() -> None:
    assert within_caps(3, []).tolist() == [0, 1, 2]
