"""Verdicts on drift: no more false alarms than promised, real shifts found, small windows said."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from data.errors import ManifestError
from evaluation.drift.compare import compare
from evaluation.drift.config import DriftConfig
from evaluation.drift.judge import judge_drift
from evaluation.drift.sequence import follow
from evaluation.drift.window import check_window, first_of_each_person
from evaluation.errors import DriftError
from tests.drift_windows import SCORE_SD, traffic

ALPHA = 0.05
QUICK = DriftConfig(columns=("score", "quality"), categories=(), num_resamples=99)
SITES = {"north": 0.6, "south": 0.4}


def _most(num_windows: int) -> int:
    """Alarms that a test of level alpha stays within, but for one time in a thousand."""
    return int(stats.binom.ppf(0.999, num_windows, ALPHA))


def _scores(rng: np.random.Generator, n: int, shift: float = 0.0) -> pd.DataFrame:
    """Scores alone, for simulations by the hundred."""
    return pd.DataFrame({"score": rng.normal(0.5 + shift, SCORE_SD, n), "at_s": 0.0})


@pytest.mark.parametrize(("n", "num_windows"), [(50, 100), (100, 100), (200, 100), (2000, 30)])
def test_without_drift_alarms_are_no_more_than_alpha(n: int, num_windows: int) -> None:
    rng = np.random.default_rng(n)
    reference_size = max(500, n)  # as large as the window, where a naive null fails
    alarms = 0
    for _ in range(num_windows):
        found = compare(_scores(rng, n), _scores(rng, reference_size), QUICK)
        alarms += found.p_together <= ALPHA
    assert alarms <= _most(num_windows)


def test_a_null_drawn_from_the_reference_alone_fails_where_the_window_is_as_large() -> None:
    """It takes the reference for the truth; so windows are drawn from both sides together."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        current, reference = rng.normal(size=2000), rng.normal(size=2000)
        drawn = rng.choice(reference, (99, 2000)).mean(axis=1) - reference.mean()
        p = (1 + (abs(drawn) >= abs(current.mean() - reference.mean())).sum()) / 100
        alarms += p <= ALPHA
    assert alarms > _most(200)


def test_a_shift_of_a_quarter_sd_is_found_in_two_thousand() -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        found = compare(_scores(rng, 2000, -0.03), _scores(rng, 2000), QUICK)
        assert found.p_together == pytest.approx(1 / 100)


def test_looking_after_every_window_raises_no_more_alarms() -> None:
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(60):
        windows = [_scores(rng, 30) for _ in range(6)]
        lines = follow(_scores(rng, 60), windows, QUICK)
        alarms += max(line.e for line in lines) >= 1 / ALPHA
    assert alarms <= _most(60)


def test_small_windows_that_all_drift_a_little_add_up() -> None:
    rng = np.random.default_rng(4)
    config = QUICK.model_copy(update={"num_resamples": 499, "slice_columns": ()})
    windows = [traffic(rng, 80, shift=-0.04) for _ in range(8)]
    report = judge_drift(traffic(rng, 1000), windows, config)
    assert report.verdict == "drift"
    assert report.alpha_of_slices == report.alpha_of_sequence == ALPHA / 2
    assert report.windows[0].e < 40 <= max(line.e for line in report.windows)
    assert any("reached 40" in reason for reason in report.reasons)


def test_another_site_mix_is_no_drift_and_would_be_without_sites() -> None:
    rng = np.random.default_rng(5)
    levels = {"north": 0.65, "south": 0.4}
    reference = traffic(rng, 900, sites=SITES, level_of=levels)
    current = traffic(rng, 300, sites={"north": 0.15, "south": 0.85}, level_of=levels)
    config = DriftConfig(num_resamples=199)
    held = judge_drift(reference, [current], config)
    assert (held.site_mix, held.slices["all"].verdict) == ("held", "stable")
    assert held.slices["all"].num_reference_effective < 700
    blind = judge_drift(reference.assign(site=None), [current.assign(site=None)], config)
    assert (blind.site_mix, blind.verdict) == ("unknown", "drift")


def test_drift_at_one_site_is_found_there() -> None:
    rng = np.random.default_rng(6)
    reference, current = traffic(rng, 1000, sites=SITES), traffic(rng, 400, sites=SITES)
    current.loc[current["site"] == "south", "score"] -= 0.1
    report = judge_drift(reference, [current], DriftConfig(num_resamples=399))
    assert report.verdict == "drift"
    assert report.slices["site=south"].verdict == "drift"
    assert report.slices["site=north"].verdict == "stable"
    strongest = min(report.slices["site=south"].metrics, key=lambda metric: metric.p)
    assert strongest.column == "score"
    assert report.slices["site=south"].columns["score"].shift_sd == pytest.approx(-0.8, abs=0.2)


def test_embeddings_that_move_are_drift() -> None:
    rng = np.random.default_rng(7)
    reference = traffic(rng, 300, embedding_dim=16)
    current = traffic(rng, 150, embedding_dim=16)
    moved = [one + 0.35 for one in current["embedding"]]
    current["embedding"] = [one / np.linalg.norm(one) for one in moved]
    report = judge_drift(reference, [current], DriftConfig(num_resamples=399))
    assert report.verdict == "drift"
    by_key = {(one.column, one.statistic): one for one in report.slices["all"].metrics}
    assert by_key["embedding", "mmd"].p == pytest.approx(1 / 400)
    assert by_key["embedding", "mean_shift"].value > by_key["embedding", "mean_shift"].null_p95


def test_a_small_window_is_inconclusive_and_says_how_many_people_it_takes() -> None:
    rng = np.random.default_rng(8)
    reference = traffic(rng, 1000)
    few = judge_drift(reference, [traffic(rng, 10)], QUICK)
    assert few.verdict == few.slices["all"].verdict == "inconclusive"
    assert few.slices["all"].p is None
    some = judge_drift(reference, [traffic(rng, 25)], QUICK).slices["all"]
    assert some.verdict == "inconclusive"
    assert some.people_needed is not None
    enough = judge_drift(reference, [traffic(rng, some.people_needed)], QUICK).slices["all"]
    assert enough.verdict == "stable"
    assert enough.detectable_shift_sd == pytest.approx(QUICK.relevant_shift_sd, abs=0.01)


def test_a_small_reference_makes_every_window_inconclusive() -> None:
    rng = np.random.default_rng(9)
    found = judge_drift(traffic(rng, 25), [traffic(rng, 500)], QUICK).slices["all"]
    assert found.verdict == "inconclusive"
    assert "take a larger reference" in found.reason


def test_a_site_without_a_reference_keeps_the_verdict_from_being_stable() -> None:
    rng = np.random.default_rng(10)
    reference = traffic(rng, 600, sites=SITES)
    current = traffic(rng, 300, sites={"north": 0.5, "new": 0.5})
    report = judge_drift(reference, [current], QUICK)
    assert report.unknown_sites == ("new",)
    assert report.slices["all"].num_current == (current["site"] == "north").sum()
    assert report.verdict == "inconclusive"
    nowhere = judge_drift(reference, [traffic(rng, 300, sites={"new": 1.0})], QUICK)
    assert nowhere.verdict == "inconclusive"


def test_retries_of_one_person_count_once() -> None:
    rng = np.random.default_rng(11)
    current = traffic(rng, 60)
    retries = pd.concat([current, current.assign(at_s=current["at_s"] + 1000, score=0.9)])
    shuffled = retries.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(first_of_each_person(shuffled), current)


def test_the_same_windows_give_the_same_report_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(12)
    reference, current = traffic(rng, 300, sites=SITES), traffic(rng, 100, sites=SITES)
    one = judge_drift(reference, [current], QUICK)
    two = judge_drift(reference, [current.sample(frac=1, random_state=1)], QUICK)
    assert one.model_dump_json() == two.model_dump_json()


def test_what_cannot_be_compared_is_refused() -> None:
    rng = np.random.default_rng(13)
    reference = traffic(rng, 100, embedding_dim=8)
    with pytest.raises(DriftError, match="no current window"):
        judge_drift(reference, [], QUICK)
    with pytest.raises(DriftError, match="embeddings of 4 and 8 numbers"):
        judge_drift(reference, [traffic(rng, 100, embedding_dim=4)], QUICK)
    nothing = DriftConfig(columns=("yaw_deg",), categories=())
    with pytest.raises(DriftError, match="no column to compare"):
        judge_drift(traffic(rng, 100), [traffic(rng, 100)], nothing)
    with pytest.raises(ManifestError, match="a row has a score where it was not refused"):
        check_window(reference.assign(decision="match"), "odd")
    with pytest.raises(ValueError, match=r"num_resamples 99 cannot show a p of 0\.005"):
        DriftConfig(alpha=0.005, num_resamples=99)
