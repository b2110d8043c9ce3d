import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.errors import TooFewComparisonsError
from evaluation.measures.discard_report import discard_reports
from evaluation.measures.extraction import extraction
from evaluation.measures.latency import latency_report
from evaluation.measures.ownership import gini, owner_table, ownership, top_share
from evaluation.operating_points import operating_points
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap

BOOTSTRAP = SubjectBootstrap(replicates=100)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_gini_is_the_mean_difference(counts: list[int]) -> None:
    values = np.array(counts, dtype=float)
    expected = 0.0
    if values.sum() > 0:
        gaps = np.abs(values[:, None] - values[None, :]).sum()
        expected = gaps / (2 * len(values) * values.sum())
    assert gini(values) == pytest.approx(expected)


def test_shares_of_the_worst() -> None:
    counts = np.array([0, 0, 5, 3, 2] + [0] * 95, dtype=float)
    assert top_share(counts, 0.01) == 0.5
    assert top_share(counts, 0.05) == 1
    assert top_share(counts[:5], 0.01) == 0.5  # one person at the least


def test_one_wolf_owns_the_false_matches(campus: ScoredSplit) -> None:
    people = campus.subject_codes()
    wolf = (people[campus.pairs.left] == 7) | (people[campus.pairs.right] == 7)
    scores = np.where(wolf & ~campus.pairs.genuine, 1.0, np.where(campus.pairs.genuine, 0.5, -0.5))
    split = ScoredSplit(campus.table, campus.usable, campus.pairs, scores)
    found = ownership(split, "fmr_1e-2", 0.4, BOOTSTRAP)
    assert found.false_non_match is None
    owned = found.false_match
    assert owned is not None
    assert owned.top_1 == pytest.approx(0.5)  # the other half is everybody else's
    assert owned.gini > owned.gini_null_high
    assert owned.p_value < 0.01
    table = owner_table(split, 0.4, limit=3)
    assert table["subject_id"].tolist()[0] == "s007"
    assert table["share"].tolist()[0] == pytest.approx(0.5)
    assert list(dict(found.measurements("ownership"))) == [
        "ownership/fmr_gini",
        "ownership/fmr_top_1",
        "ownership/fmr_top_5",
    ]


def test_errors_at_random_are_nobodys(campus: ScoredSplit) -> None:
    scores = np.random.default_rng(0).uniform(-1, 1, len(campus.pairs))
    split = ScoredSplit(campus.table, campus.usable, campus.pairs, scores)
    found = ownership(split, "fmr_1e-1", 0.8, BOOTSTRAP)
    for owned in (found.false_match, found.false_non_match):
        assert owned is not None
        assert owned.p_value > 0.05
    assert found == ownership(split, "fmr_1e-1", 0.8, BOOTSTRAP)


def test_failures_count_photos_and_people(campus: ScoredSplit) -> None:
    people = campus.subject_codes()
    usable = campus.usable & (people != 3)
    gone = ~(usable[campus.pairs.left] & usable[campus.pairs.right])
    scores = np.where(gone, -np.inf, campus.scores)
    split = ScoredSplit(campus.table, usable, campus.pairs, scores)
    points = operating_points(campus.impostor_scores, [0.1])
    found = extraction(split, points, 0.9, BOOTSTRAP)
    assert (found.people.num_errors, found.people.num_comparisons) == (1, 30)
    assert found.photos.num_errors == np.count_nonzero(~usable)
    assert found.photos.num_effective < found.photos.num_comparisons  # one person's six together
    threshold = points["fmr_1e-1"].threshold
    genuine = split.pairs.genuine
    share = np.mean(gone[genuine])
    generalised = np.mean(scores[genuine] < threshold)
    matcher = found.matcher["fmr_1e-1"].fnmr.rate
    assert matcher is not None
    assert generalised == pytest.approx(share + (1 - share) * matcher)
    assert "extraction/people" in dict(found.measurements("extraction"))


def test_discard_by_quality_starts_at_the_frozen_threshold(campus: ScoredSplit) -> None:
    rng = np.random.default_rng(0)
    table = campus.table.assign(noise_quality=rng.uniform(0, 100, len(campus.table)))
    hard = np.zeros(len(table))
    genuine, threshold = campus.pairs.genuine, 0.35
    missed = genuine & (campus.scores < threshold) & np.isfinite(campus.scores)
    for side in (campus.pairs.left, campus.pairs.right):
        np.add.at(hard, side[missed], 1)
    table["good_quality"] = -hard
    split = ScoredSplit(table, campus.usable, campus.pairs, campus.scores)
    found = discard_reports(split, threshold)
    assert list(found) == ["good_quality", "noise_quality"]
    known = genuine & np.isfinite(campus.scores)
    start = np.mean(campus.scores[known] < threshold)
    assert found["good_quality"].fnmrs[0] == pytest.approx(start)
    assert found["good_quality"].relative_area < 0.8 < found["noise_quality"].relative_area
    assert discard_reports(campus, threshold) == {}  # no qualities in the table
    assert discard_reports(split, -1.0) == {}  # nothing fails


def test_latency_intervals_are_order_statistics() -> None:
    found = latency_report(np.arange(1.0, 1001), "counting", 0.9)
    # Binomial(1000, 1/2): 474 and 526 are its 5 % and 95 % quantiles.
    assert (found.p50.value, found.p50.low, found.p50.high) == (500, 474, 527)
    assert (found.p99.value, found.p95.value) == (990, 950)
    few = latency_report(np.arange(1.0, 21), "counting", 0.9)
    assert few.p50.low is not None
    assert (few.p99.low, few.p99.high) == (None, None)
    assert [key for key, _ in found.measurements("latency")] == [
        "latency/p50_ms",
        "latency/p95_ms",
        "latency/p99_ms",
    ]
    with pytest.raises(TooFewComparisonsError):
        latency_report(np.zeros(0), "nothing", 0.9)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_latency_intervals_cover(share: float) -> None:
    rng = np.random.default_rng(0)
    truth = -np.log(1 - share)
    name = {0.5: "p50", 0.95: "p95"}[share]
    hits = []
    for _ in range(300):
        found = getattr(latency_report(rng.exponential(size=200), "drawn", 0.9), name)
        hits.append(found.low <= truth <= found.high)
    assert np.mean(hits) >= 0.87
