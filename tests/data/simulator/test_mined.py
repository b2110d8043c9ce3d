"""Mined pairs become look-alikes: best first, both ways, and nothing else does."""

import numpy as np

from data.pairs import Pairs
from data.protocols.protocol import NOT_MINED, PairProtocol
from data.simulator.mined import mined_look_alikes

IDS = ("a1", "a2", "b1", "c1", "d1")
SUBJECTS = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}


def _protocol(pairs: list[tuple[int, int, bool, int]]) -> PairProtocol:
    left, right, genuine, rank = (np.array(column) for column in zip(*pairs, strict=True))
    ranks = rank.astype(np.int64)
    found = Pairs(left.astype(np.int64), right.astype(np.int64), genuine.astype(np.bool_), None)
    return PairProtocol(IDS, found, None, ranks)


def test_the_nearest_comes_first_and_both_ways() -> None:
    found = _protocol(
        [
            (0, 2, False, 2),
            (1, 3, False, 1),
            (0, 1, True, NOT_MINED),
            (2, 3, False, NOT_MINED),
            (1, 2, False, 3),
            (0, 4, False, 1),  # d1 is nobody whom the table knows
        ]
    )
    assert mined_look_alikes(found, SUBJECTS) == {"a": ["c", "b"], "b": ["a"], "c": ["a"]}


def test_a_protocol_that_was_not_mined_knows_nobody() -> None:
    drawn = _protocol([(0, 2, False, 1)])
    without = PairProtocol(drawn.ids, drawn.pairs, None, None)
    assert mined_look_alikes(without, SUBJECTS) == {}
