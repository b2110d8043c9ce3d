import numpy as np
import pytest

from data.errors import ProtocolError
from data.pairs import Pairs, PairsError
from data.protocols.protocol import NOT_MINED, PairProtocol, join, take


def protocol(ids: tuple[str, ...], *pairs: tuple[int, int, bool]) -> PairProtocol:
    left, right, genuine = (np.array(column) for column in zip(*pairs, strict=True))
    return PairProtocol(ids, Pairs(left, right, genuine))


PLAIN = protocol(("a", "b", "c"), (0, 1, True), (1, 2, False))


def test_pairs_are_found_by_name_in_any_table() -> None:
    pairs = PLAIN.on(["c", "x", "b", "a"])
    assert pairs.left.tolist() == [3, 2]
    assert pairs.right.tolist() == [2, 0]
    assert pairs.genuine.tolist() == [True, False]


def test_missing_photo_is_named() -> None:
    with pytest.raises(PairsError, match="'c'"):
        PLAIN.on(["a", "b"])


def test_name_that_is_in_no_pair_may_be_missing() -> None:
    assert len(protocol(("a", "b", "z"), (0, 1, True)).on(["a", "b"])) == 1


def test_compact_keeps_the_names_that_occur() -> None:
    plain = protocol(("z", "b", "a"), (2, 1, False)).compact()
    assert plain.ids == ("a", "b")
    assert (plain.pairs.left[0], plain.pairs.right[0]) == (0, 1)


def test_digest_is_of_the_content() -> None:
    other_order_of_names = protocol(("c", "b", "unused", "a"), (3, 1, True), (1, 0, False))
    assert other_order_of_names.digest() == PLAIN.digest()


def test_digest_is_pinned() -> None:
    """The same on every machine and with every version of every library."""
    assert PLAIN.digest() == "0a5a83e13e683d7d8d019784d07977b00b4f4607574d1c3f24a4e7bc3b7dc6ae"
    bins = np.array(["near", None], dtype=object)
    full = PairProtocol(PLAIN.ids, PLAIN.pairs, bins, np.array([3, NOT_MINED]))
    assert full.digest() == "f742fcd089beb743db4a394ddeeb0a43a1c1767492886e3a6f52a46aa62e51ef"


@pytest.mark.parametrize(
    "other",
    [
        protocol(("a", "b", "d"), (0, 1, True), (1, 2, False)),
        protocol(("a", "b", "c"), (1, 2, False), (0, 1, True)),
        protocol(("a", "b", "c"), (0, 1, True), (1, 2, True)),
        protocol(("a", "b", "c"), (0, 1, True), (2, 1, False)),
        PairProtocol(PLAIN.ids, PLAIN.pairs, np.array(["x", None], dtype=object)),
        PairProtocol(PLAIN.ids, PLAIN.pairs, None, np.array([1, 2])),
        PairProtocol(
            PLAIN.ids,
            Pairs(PLAIN.pairs.left, PLAIN.pairs.right, PLAIN.pairs.genuine, np.array([0, 1])),
        ),
    ],
)
def test_any_other_content_has_another_digest(other: PairProtocol) -> None:
    assert other.digest() != PLAIN.digest()


def test_joined_parts_keep_their_bins_and_ranks() -> None:
    binned = PairProtocol(PLAIN.ids, PLAIN.pairs, np.array(["x", "y"], dtype=object))
    ranked = PairProtocol(PLAIN.ids, PLAIN.pairs, None, np.array([1, 2]))
    both = join([binned, ranked])
    assert both.bins is not None
    assert both.ranks is not None
    assert both.bins.tolist() == ["x", "y", None, None]
    assert both.ranks.tolist() == [NOT_MINED, NOT_MINED, 1, 2]
    assert take(both, np.array([3, 0])).bins is not None
    assert take(both, np.array([3, 0])).pairs.left.tolist() == [1, 0]


def test_parts_over_other_photos_are_not_joined() -> None:
    with pytest.raises(ProtocolError, match="same photos"):
        join([PLAIN, protocol(("a", "b"), (0, 1, True))])


def test_pair_outside_the_names_is_refused() -> None:
    with pytest.raises(PairsError, match="outside"):
        protocol(("a", "b"), (0, 2, True))
    with pytest.raises(PairsError, match="column"):
        PairProtocol(PLAIN.ids, PLAIN.pairs, None, np.array([1]))
