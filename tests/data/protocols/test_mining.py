"""Look-alikes against a search without blocks, and the rules about who may mine."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from pydantic import ValidationError

from data.errors import ProtocolError
from data.face import l2_normalise
from data.protocols import mining
from data.protocols.config import MiningConfig
from data.protocols.mining import look_alikes


def embeddings(num: int, seed: int) -> NDArray[np.float32]:
    return l2_normalise(np.random.default_rng(seed).normal(size=(num, 6)).astype(np.float32))


def everyone_else(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Two photos a person."""
    found: NDArray[np.bool_] = left // 2 != right // 2
    return found


def plainly(
    models: list[NDArray[np.float32]], config: MiningConfig
) -> dict[tuple[int, int], tuple[int, float]]:
    num = len(models[0])
    found = {}
    for query in range(num):
        others = [row for row in range(num) if row // 2 != query // 2]
        sums = dict.fromkeys(others, 0)
        for model in models:
            order = sorted(others, key=lambda row: (-float(model[query] @ model[row]), row))
            for rank, row in enumerate(order, start=1):
                sums[row] += min(rank, config.depth + 1)
        best = sorted(others, key=lambda row: (sums[row], row))[: config.top_k]
        for place, row in enumerate(best, start=1):
            if sums[row] < len(models) * (config.depth + 1):
                found[query, row] = (place, sums[row] / len(models))
    return found


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 8), st.integers(1, 12), st.integers(0, 99))
def test_the_same_as_a_plain_search(num: int, top_k: int, depth: int, seed: int) -> None:
    models = [embeddings(num, seed), embeddings(num, seed + 1)]
    config = MiningConfig(top_k=top_k, depth=depth)
    named = dict(zip("ab", models, strict=True))
    found = look_alikes(named, np.arange(num), everyone_else, config)
    pairs = zip(found.query.tolist(), found.neighbour.tolist(), strict=True)
    values = zip(found.rank.tolist(), found.mean_rank.tolist(), strict=True)
    assert dict(zip(pairs, values, strict=True)) == plainly(models, config)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"a": embeddings(50, 1), "b": embeddings(50, 2)}
    whole = look_alikes(named, np.arange(50), everyone_else, MiningConfig(top_k=5))
    monkeypatch.setattr(mining, "_BLOCK_BYTES", 7 * 4 * 50)
    blocks = look_alikes(named, np.arange(50), everyone_else, MiningConfig(top_k=5))
    assert blocks.neighbour.tolist() == whole.neighbour.tolist()
    assert blocks.rank.tolist() == whole.rank.tolist()


def test_rows_are_those_of_the_table() -> None:
    named = {"a": embeddings(20, 1), "b": embeddings(20, 2)}
    some = np.array([3, 8, 11, 19])
    found = look_alikes(named, some, everyone_else, MiningConfig(top_k=2))
    assert set(found.query) == set(some)
    assert set(found.neighbour) <= set(some)


def test_photo_without_a_face_has_no_look_alike() -> None:
    named = {"a": embeddings(10, 1), "b": embeddings(10, 2)}
    named["b"][4] = 0
    found = look_alikes(named, np.arange(10), everyone_else, MiningConfig())
    assert 4 not in {*found.query, *found.neighbour}
    assert len(look_alikes(named, np.array([4]), everyone_else, MiningConfig()).query) == 0


def test_one_model_alone_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"\['a'\].*at least two"):
        look_alikes({"a": embeddings(4, 0)}, np.arange(4), everyone_else, MiningConfig())
    with pytest.raises(ValidationError, match="at least two different models"):
        MiningConfig(models=("a",))
    with pytest.raises(ValidationError, match="at least two different models"):
        MiningConfig(models=("a", "b", "a"))
