import numpy as np
import pytest
from numpy.typing import NDArray

from data.pairs import cross_pairs
from evaluation.errors import ScoresError, TooFewComparisonsError
from evaluation.measures.metrics import fmr, fnmr, threshold_at_fmr
from evaluation.scale import streaming
from evaluation.scale.streamed import BIN_WIDTH, Streamed
from evaluation.scale.streaming import stream_all_pairs, stream_listed
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import Dyads, fmr_estimate, fnmr_estimate

THRESHOLDS = (0.05, 0.21, 0.4)
BOOTSTRAP = SubjectBootstrap(replicates=100)
Embeddings = NDArray[np.float32]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@pytest.fixture(scope="module")
def photos() -> tuple[Embeddings, Codes, Flags]:
    """40 people with 1 to 12 photos each, mixed, some without a template."""
    rng = np.random.default_rng(0)
    people = rng.permutation(np.repeat(np.arange(40), rng.integers(1, 13, 40)))
    embeddings = rng.normal(size=(40, 32))[people] + 1.3 * rng.normal(size=(len(people), 32))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), people, rng.random(len(people)) > 0.05


def in_memory(
    photos: tuple[Embeddings, Codes, Flags], left: Codes, right: Codes
) -> tuple[NDArray[np.float64], Flags]:
    embeddings, people, usable = photos
    scores = np.einsum("ij,ij->i", embeddings[left], embeddings[right]).astype(np.float64)
    scores[~(usable[left] & usable[right])] = -np.inf
    assert np.abs(scores[:, None] - THRESHOLDS).min() > 1e-6  # no rounding decides here
    return scores, people[left] == people[right]


def check(
    found: Streamed, scores: NDArray[np.float64], genuine: Flags, left: Codes, right: Codes
) -> None:
    dyads = Dyads.of(left[~genuine], right[~genuine], BOOTSTRAP)
    for threshold in THRESHOLDS:
        rates = found.rates(threshold, 0.9, BOOTSTRAP)
        expected = fmr_estimate(scores[~genuine] >= threshold, dyads, 0.9)
        missed = scores[genuine] < threshold
        expected_fnmr = fnmr_estimate(missed, left[genuine], 0.9, BOOTSTRAP)
        assert rates.fmr.model_dump() == approx(expected.model_dump())
        assert rates.fnmr.model_dump() == approx(expected_fnmr.model_dump())
    for threshold in np.linspace(-1, 1, 41).tolist():
        exact, exact_fnmr = fmr(scores[~genuine], threshold), fnmr(scores[genuine], threshold)
        above, below = threshold + 1.01 * BIN_WIDTH, threshold - 1.01 * BIN_WIDTH
        assert exact <= found.fmr(threshold) <= fmr(scores[~genuine], below)
        assert exact_fnmr - 1e-12 <= found.fnmr(threshold) <= fnmr(scores[genuine], above) + 1e-12
    chosen, exact = found.threshold_at_fmr(0.01), threshold_at_fmr(scores[~genuine], 0.01)
    assert exact <= chosen <= exact + 1.01 * BIN_WIDTH
    assert found.fmr(chosen) <= 0.01


def approx(model: dict[str, object]) -> dict[str, object]:
    """To compare with: numbers within rounding, whatever else is there as it is."""
    return {
        name: approx(value)
        if isinstance(value, dict)
        else pytest.approx(value, rel=1e-9)
        if isinstance(value, float)
        else value
        for name, value in model.items()
    }


@pytest.mark.parametrize("rows", [16, 1024])
def test_all_pairs_equal_those_in_memory(
    photos: tuple[Embeddings, Codes, Flags], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_BLOCK_ROWS", rows)
    people = photos[1]
    pairs = cross_pairs([str(p) for p in people])
    scores, genuine = in_memory(photos, pairs.left, pairs.right)
    found = stream_all_pairs(*photos, THRESHOLDS)
    assert found.genuine.total + found.impostor.total == len(pairs)
    check(found, scores, genuine, people[pairs.left], people[pairs.right])


@pytest.mark.parametrize(("tile_rows", "dense", "cells"), [(2048, 2, 0), (64, 0, 1 << 26)])
def test_listed_pairs_equal_those_in_memory(
    photos: tuple[Embeddings, Codes, Flags],
    tile_rows: int,
    dense: float,
    cells: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("TILE_ROWS", tile_rows), ("DENSE_TILE", dense), ("DENSE_CELLS", cells)):
        monkeypatch.setattr(streaming, f"_{name}", value)
    monkeypatch.setattr(streaming, "_BLOCK_PAIRS", 100)
    rng, people = np.random.default_rng(1), photos[1]
    left = rng.integers(0, len(people), 3000)
    right = (left + rng.integers(1, len(people), 3000)) % len(people)
    scores, genuine = in_memory(photos, left, right)
    found = stream_listed(*photos, (left, right), THRESHOLDS)
    check(found, scores, genuine, people[left], people[right])


def test_other_thresholds_have_rates_but_no_interval(
    photos: tuple[Embeddings, Codes, Flags],
) -> None:
    found = stream_all_pairs(*photos, THRESHOLDS)
    with pytest.raises(ScoresError, match=r"not counted at 0\.3"):
        found.rates(0.3)
    with pytest.raises(TooFewComparisonsError):
        found.threshold_at_fmr(1e-9)


def test_what_does_not_fit_is_refused(photos: tuple[Embeddings, Codes, Flags]) -> None:
    embeddings, people, usable = photos
    with pytest.raises(ScoresError, match="flags"):
        stream_all_pairs(embeddings[1:], people, usable, THRESHOLDS)
    with pytest.raises(ScoresError, match="unit length"):
        stream_all_pairs(2 * embeddings, people, usable, THRESHOLDS)
    with pytest.raises(ScoresError, match="give pairs"):
        stream_listed(embeddings, people, usable, (people, people[1:]), THRESHOLDS)
