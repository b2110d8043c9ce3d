"""Flips, rises and verdicts of changed photos, by hand and by property."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.behaviour.metrics import Expectation
from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.operating_points import OperatingPoint
from evaluation.scores import ScoredSplit
from evaluation.suites.behaviour import (
    BehaviourReport,
    expectations_of,
    measured_counts,
    measured_largest,
)
from evaluation.suites.changes import Change, flipped_pairs, judge_changes, mean_change
from evaluation.suites.failure_modes import Degradation

PEOPLE = 12
POINT = OperatingPoint(target_fmr=1e-2, threshold=0.5, num_impostor_pairs=999, realised_fmr=0.01)
Scores = NDArray[np.float64]


def _change(
    before: Scores,
    after: Scores,
    *,
    refused: tuple[int, ...] = (),
    quality: tuple[float, float] = (80.0, 80.0),
    operator: str = "jpeg",
    severity: float = 0.5,
) -> Change:
    """One changed photo of each person against one of everybody; scores (PEOPLE, PEOPLE)."""
    names = [f"s{n:02d}" for n in range(PEOPLE)]
    table = pd.DataFrame(
        {
            "subject_id": names * 2,
            "image_id": [f"{n}_new" for n in names] + [f"{n}_old" for n in names],
        }
    )
    left, right = (side.ravel() for side in np.mgrid[:PEOPLE, PEOPLE : 2 * PEOPLE])
    pairs = Pairs(left, right, left == right - PEOPLE)
    usable = np.ones(len(table), dtype=bool)
    usable_after = usable.copy()
    usable_after[list(refused)] = False
    found = after.ravel().copy()
    found[~usable_after[left]] = -np.inf
    return Change(
        Degradation(
            operator,
            severity,
            ScoredSplit(table, usable, pairs, before.ravel()),
            ScoredSplit(table, usable_after, pairs, found),
            np.arange(len(table)) < PEOPLE,
            {"too_blurry": len(refused)} if refused else {},
        ),
        quality_before=np.full(PEOPLE, quality[0]),
        quality_after=np.full(PEOPLE, quality[1]),
    )


def _scores(genuine: float, impostor: float) -> Scores:
    return np.where(np.eye(PEOPLE, dtype=bool), genuine, impostor)


def _metrics(change: Change) -> dict[str, float]:
    (condition,) = judge_changes([change], POINT, 0.9)
    return {name: measured.value for name, measured in condition.metrics.items()}


def test_no_change_flips_nothing_and_moves_nothing() -> None:
    scores = _scores(0.8, 0.1)
    found = _metrics(_change(scores, scores))
    assert set(found) >= {"genuine_flip_rate", "impostor_new_matches", "silent_miss_excess"}
    assert all(value == 0 for value in found.values())


def test_flips_are_counted_on_each_side() -> None:
    before = _scores(0.8, 0.1)
    after = before.copy()
    after[0, 0] = 0.4  # a person is missed
    after[1, 2] = after[3, 4] = 0.6  # two strangers match
    found = _metrics(_change(before, after))
    strangers = PEOPLE * (PEOPLE - 1)
    assert found["genuine_flip_rate"] == pytest.approx(1 / PEOPLE)
    assert found["impostor_new_matches"] == pytest.approx(2 / strangers)
    assert found["impostor_fmr_rise"] == pytest.approx(2 / strangers)
    assert found["genuine_score_rise"] == pytest.approx(-0.4 / PEOPLE)


def test_a_match_that_is_lost_is_a_flip_and_no_new_match() -> None:
    before = _scores(0.8, 0.1)
    before[5, 6] = 0.7
    after = _scores(0.8, 0.1)
    found = _metrics(_change(before, after))
    strangers = PEOPLE * (PEOPLE - 1)
    assert found["impostor_flip_rate"] == pytest.approx(1 / strangers)
    assert found["impostor_new_matches"] == 0
    assert found["impostor_fmr_rise"] == pytest.approx(-1 / strangers)


def test_a_refused_photo_is_no_flip_and_no_silent_miss() -> None:
    before, after = _scores(0.8, 0.1), _scores(0.8, 0.1)
    after[0, 0] = after[1, 1] = after[2, 2] = 0.2
    (condition,) = judge_changes([_change(before, after, refused=(0, 1))], POINT, 0.9)
    assert condition.refused == {"too_blurry": 2}
    assert condition.metrics["genuine_flip_rate"].n == PEOPLE - 2
    assert condition.metrics["genuine_flip_rate"].value == pytest.approx(1 / (PEOPLE - 2))
    # One is missed silently, two are sent back: the gate fired first.
    assert condition.metrics["silent_miss_excess"].value == pytest.approx((1 - 2) / PEOPLE)


def test_rises_are_taken_from_one_severity_to_the_next() -> None:
    clean, low, high = _scores(0.8, 0.1), _scores(0.6, 0.1), _scores(0.7, 0.1)
    changes = [
        _change(clean, high, severity=1.0, quality=(80, 50)),
        _change(clean, low, severity=0.5, quality=(80, 40)),
        _change(clean, low, operator="noise", severity=1.0, quality=(80, 90)),
    ]
    first, second, other = judge_changes(changes, POINT, 0.9)
    assert [first.name, second.name, other.name] == ["jpeg 0.5", "jpeg 1", "noise 1"]
    assert first.metrics["genuine_score_rise"].value == pytest.approx(-0.2)
    assert second.metrics["genuine_score_rise"].value == pytest.approx(0.1)
    assert second.metrics["quality_rise"].value == pytest.approx(10)
    assert other.metrics["quality_rise"].value == pytest.approx(10)
    (rise,) = expectations_of(
        [Expectation(metric="genuine_score_rise", bound=0.02)], (first, second, other), POINT
    )
    assert (rise.worst, rise.verdict) == ("jpeg 1", "exceeded")


def test_everything_refused_is_not_measured_and_never_within() -> None:
    scores = _scores(0.8, 0.1)
    change = _change(scores, scores, refused=tuple(range(PEOPLE)))
    conditions = judge_changes([change], POINT, 0.9)
    (found,) = expectations_of(
        [Expectation(metric="genuine_flip_rate", bound=0.5)], conditions, POINT
    )
    assert (found.measured, found.verdict) == (None, "not_measured")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.0, "within"), (0.5, "exceeded")],
)
def test_whole_lists_are_judged_without_an_interval(value: float, verdict: str) -> None:
    measured = measured_counts({"junk_accepted": (round(value * 6), 6), "junk_matches": (0, 0)})
    assert set(measured) == {"junk_accepted"}
    (condition,) = judge_changes([_change(_scores(0.8, 0.1), _scores(0.8, 0.1))], POINT, 0.9)
    (found,) = expectations_of(
        [Expectation(metric="junk_accepted", bound=0.0)],
        [condition.model_copy(update={"metrics": measured})],
        POINT,
    )
    assert found.verdict == verdict
    assert measured_largest({"score_deficit": [0.1, 0.3], "order_difference": []}) == {
        "score_deficit": measured_counts({"x": (3, 10)})["x"].model_copy(update={"n": 2})
    }


def test_a_bound_in_target_fmrs_moves_with_the_operating_point() -> None:
    expected = Expectation(metric="impostor_fmr", bound=3.0, unit="target_fmr")
    assert expected.limit(1e-3) == pytest.approx(3e-3)
    assert Expectation(metric="impostor_fmr", bound=0.1).limit(1e-3) == 0.1


def test_a_few_clean_comparisons_are_inconclusive() -> None:
    scores = _scores(0.8, 0.1)
    conditions = judge_changes([_change(scores, scores)], POINT, 0.9)
    (found,) = expectations_of(
        [Expectation(metric="genuine_flip_rate", bound=0.01)], conditions, POINT
    )
    assert found.verdict == "inconclusive"


def test_a_report_is_as_good_as_its_worst_expectation_and_gives_every_metric() -> None:
    before, after = _scores(0.8, 0.1), _scores(0.3, 0.1)
    conditions = judge_changes([_change(before, after)], POINT, 0.9)
    expected = [
        Expectation(metric="genuine_score_rise", bound=0.02),
        Expectation(metric="genuine_flip_rate", bound=0.01),
    ]
    report = BehaviourReport(
        kind="direction",
        how="jpeg",
        owner="ML engineer",
        status="open",
        point="fmr_1e-2",
        expectations=expectations_of(expected, conditions, POINT),
        conditions=conditions,
    )
    assert report.verdict == "exceeded"
    keys = dict(report.measurements("behaviour/recompressed"))
    assert keys["behaviour/recompressed/genuine_flip_rate"].value == 1
    assert "behaviour/recompressed/impostor_fmr" in keys
    assert BehaviourReport.model_validate_json(report.model_dump_json()) == report


def test_flipped_pairs_name_the_photos_the_gravest_first() -> None:
    before, after = _scores(0.8, 0.1), _scores(0.8, 0.1)
    after[0, 0], after[1, 2], after[3, 4] = -0.9, 0.55, 0.75
    found = flipped_pairs(_change(before, after), POINT.threshold)
    assert found["left_image_id"].tolist() == ["s03_new", "s01_new", "s00_new"]
    assert found["right_image_id"].tolist() == ["s04_old", "s02_old", "s00_old"]
    assert found["is_genuine"].tolist() == [False, False, True]


def test_qualities_must_fit_the_photos() -> None:
    change = _change(_scores(0.8, 0.1), _scores(0.8, 0.1))
    with pytest.raises(ScoresError, match="12 photos were changed"):
        Change(change.degradation, np.zeros(3), change.quality_after)


@given(
    values=st.lists(st.floats(-1, 1), min_size=1, max_size=30),
    num_people=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_mean_lies_in_its_interval_whatever_the_order(
    values: list[float], num_people: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    owners = rng.integers(0, num_people, len(values))
    differences = np.array(values)
    found = mean_change(differences, owners, 0.9, limit=2.0)
    order = rng.permutation(len(values))
    again = mean_change(differences[order], owners[order], 0.9, limit=2.0)
    assert found is not None
    assert again is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert again.value == pytest.approx(found.value)
    assert again.high == pytest.approx(found.high)
    if len(set(owners.tolist())) == 1:
        assert (found.low, found.high) == (-2.0, 2.0)


def test_mean_interval_covers_a_known_mean() -> None:
    """People differ, so their values hang together; a plain interval would cover far less."""
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(20), 10)
    hits = plain = 0
    for _ in range(400):
        values = 0.05 + rng.normal(0, 0.1, 20)[owners] + rng.normal(0, 0.05, 200)
        found = mean_change(values, owners, 0.9, limit=2.0)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.05 <= found.high
        half = 1.645 * values.std() / np.sqrt(len(values))
        plain += abs(values.mean() - 0.05) <= half
    assert hits >= 0.86 * 400
    assert plain < 0.7 * 400


def test_nothing_to_average_is_nothing() -> None:
    assert mean_change(np.zeros(0), np.zeros(0, np.int64), 0.9, 2.0) is None
