from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.pairs import cross_pairs
from evaluation.champion.comparison import (
    ChampionComparison,
    ChampionPin,
    Comparison,
    ComparisonSettings,
    ModelScores,
    compare_models,
)
from evaluation.champion.difference import TAILS, ends
from evaluation.champion.replicates import ResampledTest, threshold_replicates
from evaluation.errors import ScoresError
from evaluation.groups.slices import SliceColumn, slices_of
from evaluation.measures.metrics import threshold_at_fmr
from evaluation.operating_points import operating_points
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap, Weights
from evaluation.uncertainty.holm import holm
from tests.evaluation.models import model, people_table

PIN = ChampionPin(name="champion", version="1", digest="c" * 64)
COLUMNS = (SliceColumn(column="skin_tone"), SliceColumn(column="gender"))
SETTINGS = ComparisonSettings(
    confidence=0.9,
    min_impostor_pairs=1000,
    min_genuine_pairs=100,
    flip_point="fmr_1e-2",
    bootstrap=SubjectBootstrap(replicates=400),
)


def compare(
    candidate: ModelScores, champion: ModelScores, settings: ComparisonSettings = SETTINGS
) -> Comparison:
    slices = list(slices_of(candidate.test, COLUMNS))
    return compare_models(candidate, champion, PIN, (1e-2,), slices, settings)


class Flip(NamedTuple):
    """A row of the table of flips."""

    kind: str
    wrong: str
    left_image_id: str
    left_subject_id: str
    right_subject_id: str
    score: float
    threshold: float
    champion_score: float
    champion_threshold: float


class Drawn(SubjectBootstrap):
    """Draws that a test gives."""

    times: tuple[tuple[int, ...], ...]

    def weights(self, num_subjects: int) -> Weights:
        return np.array(self.times, dtype=np.uint8)[:, :num_subjects]


def small(scores: list[float], genuine_scores: list[float]) -> ScoredSplit:
    """Four people with two photos each: 24 impostor pairs and 4 genuine ones."""
    table = people_table(4, 2, "s")
    pairs = cross_pairs(list(table["subject_id"]))
    values = np.empty(len(pairs))
    values[~pairs.genuine], values[pairs.genuine] = scores, genuine_scores
    return ScoredSplit(table, np.ones(8, dtype=bool), pairs, values)


few_scores = st.sampled_from([-np.inf, -0.5, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9])


@settings(deadline=None)
@given(
    st.lists(few_scores, min_size=24, max_size=24),
    st.lists(few_scores, min_size=4, max_size=4),
    st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(lambda w: sum(x > 0 for x in w) > 1),
    st.sampled_from([0.02, 0.1, 0.3, 0.5]),
)
def test_replicates_are_those_of_a_split_with_people_repeated(
    impostor: list[float], genuine: list[float], times: list[int], target: float
) -> None:
    split = small(impostor, genuine)
    drawn = Drawn(replicates=100, times=(tuple(times),))
    codes = split.subject_codes()
    left, right = codes[split.pairs.left], codes[split.pairs.right]
    weight = np.array(times)
    copies = np.where(split.pairs.genuine, weight[left], weight[left] * weight[right])
    repeated, is_genuine = np.repeat(split.scores, copies), np.repeat(split.pairs.genuine, copies)
    (threshold,) = threshold_replicates(split, target, drawn)
    strangers = repeated[~is_genuine]
    if len(strangers) >= 1 / target:
        assert threshold == max(threshold_at_fmr(strangers, target), -1.0)
    else:
        assert not np.any(strangers >= threshold)
    half = split.pairs.left % 2 == 0
    rates = ResampledTest.of(split, [half], drawn).rates(split, np.array([threshold]))
    for found, kind, wrong in (
        (rates.fmr, ~is_genuine, repeated >= threshold),
        (rates.fnmr, is_genuine, repeated < threshold),
    ):
        inside = wrong[np.repeat(half, copies) & kind]
        assert found[0, 0] == pytest.approx(inside.mean() if len(inside) else np.nan, nan_ok=True)


@pytest.fixture(scope="module")
def champion() -> ModelScores:
    return model()


def test_a_model_is_no_worse_than_itself(champion: ModelScores) -> None:
    found = compare(champion, champion)
    point = found.report.points["fmr_1e-2"]
    assert found.report.identical
    assert point.candidate_threshold == point.champion_threshold
    for compared in (point.overall, *point.slices.values()):
        for difference in (compared.fmr, compared.fnmr):
            assert difference is not None
            assert (difference.value, difference.low, difference.high) == (0, 0, 0)
            assert difference.p_beyond(1e-9) <= 0.005
    assert len(found.flips) == 0
    assert found.report.flips == {}


def test_a_worse_model_differs_by_what_it_is_worse(champion: ModelScores) -> None:
    worse = model(spread=0.95, own_seed=7)
    found = compare(worse, champion).report
    point = found.points["fmr_1e-2"]
    difference = point.overall.fnmr
    assert difference is not None
    targets = [
        operating_points(m.calibration.impostor_scores, (1e-2,))["fmr_1e-2"].threshold
        for m in (worse, champion)
    ]
    assert (point.candidate_threshold, point.champion_threshold) == tuple(targets)
    rates = [
        float(np.mean(m.test.genuine_scores < t))
        for m, t in zip((worse, champion), targets, strict=True)
    ]
    assert difference.value == pytest.approx(rates[0] - rates[1])
    assert difference.low > 0.01
    assert difference.num_worse - difference.num_better == round(difference.value * difference.n)
    back = compare(champion, worse).report.points["fmr_1e-2"].overall.fnmr
    assert back is not None
    assert (back.low, back.high) == pytest.approx((-difference.high, -difference.low))


def test_a_model_that_is_laxer_does_not_win_by_it(champion: ModelScores) -> None:
    def shifted(split: ScoredSplit) -> ScoredSplit:
        return replace(split, scores=np.clip(split.scores * 0.5 + 0.4, -1, 1))

    lax = ModelScores(shifted(champion.calibration), shifted(champion.test))
    point = compare(lax, champion).report.points["fmr_1e-2"]
    assert point.overall.fnmr is not None
    assert point.overall.fnmr.value == 0
    assert point.candidate_threshold > point.champion_threshold


def test_where_no_decision_parts_few_people_leave_much_open(champion: ModelScores) -> None:
    nearly = replace(champion.test, scores=champion.test.scores * (1 - 1e-9))
    found = compare(ModelScores(champion.calibration, nearly), champion).report
    difference = found.points["fmr_1e-2"].overall.fnmr
    assert not found.identical
    assert difference is not None
    # 60 people, none of whom the models tell apart: 1 - 0.05^(1/60).
    assert difference.value == 0
    assert difference.high == pytest.approx(1 - 0.05 ** (1 / 60), rel=1e-6)


def test_flips_name_the_pictures_and_come_with_the_clearest_first(champion: ModelScores) -> None:
    worse = model(spread=0.95, own_seed=7)
    found = compare(worse, champion)
    flips = found.flips
    assert sum(found.report.flips.values()) == len(flips) > 10
    ids = dict(zip(champion.test.table["image_id"], champion.test.table["subject_id"], strict=True))
    for row in (Flip(*values) for values in flips[list(Flip._fields)].to_numpy()):
        assert ids[row.left_image_id] == row.left_subject_id
        same = row.left_subject_id == row.right_subject_id
        assert same == (row.kind == "false_non_match")
        ours, theirs = row.score >= row.threshold, row.champion_score >= row.champion_threshold
        assert ours != theirs
        assert (ours != same) == (row.wrong == "candidate")
    apart = (flips["score"] - flips["threshold"]).abs() + (
        flips["champion_score"] - flips["champion_threshold"]
    ).abs()
    assert apart.is_monotonic_decreasing


def test_other_pairs_are_refused(champion: ModelScores) -> None:
    other = model(num_photos=4)
    with pytest.raises(ScoresError, match="identical pairs"):
        compare(other, champion)


def test_the_comparison_is_reproducible_and_survives_json(champion: ModelScores) -> None:
    other = model(own_seed=3)
    found = compare(other, champion).report
    assert found == compare(other, champion).report
    assert ChampionComparison.model_validate_json(found.model_dump_json()) == found
    keys = dict(found.measurements("champion"))
    assert sorted(keys) == ["champion/fmr_1e-2/fmr_difference", "champion/fmr_1e-2/fnmr_difference"]


def test_intervals_cover_no_difference_and_are_not_much_too_wide() -> None:
    """Two models that are equally good and disagree: 90 % intervals of their difference hold 0."""
    found = []
    sparse = replace(SETTINGS, bootstrap=SubjectBootstrap(replicates=199))
    for seed in range(40):
        one, other = (
            model(1.0, own_seed=own, num_people=30, num_photos=4, seed=100 * seed)
            for own in (1000 + 10 * seed, 5000 + 10 * seed)
        )
        report = compare_models(one, other, PIN, (1e-2,), [], sparse).report
        difference = report.points["fmr_1e-2"].overall.fnmr
        assert difference is not None
        found.append((difference.low, difference.value, difference.high))
    low, value, high = np.array(found).T
    assert np.count_nonzero((low <= 0) & (high >= 0)) >= 31  # at 90 %: 31 or more in 99 %
    assert np.mean(high - low) < 1.7 * 2 * NormalDist().inv_cdf(0.95) * np.std(value)


@given(st.lists(st.floats(-1, 1), min_size=20, max_size=200), st.floats(-1, 1))
def test_p_values_and_ends_agree(values: list[float], margin: float) -> None:
    replicates = np.array(values)
    exact = (1 + np.count_nonzero(replicates >= margin)) / (1 + len(values))
    for tail in TAILS:
        _, high = ends(replicates, tail)
        if high != 1.0:
            assert (high < margin) == (exact <= tail)


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {
        "a": pytest.approx(0.03),
        "b": pytest.approx(0.06),
        "c": pytest.approx(0.06),
    }
    assert holm({}) == {}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1), min_size=1))
def test_holm_lies_between_each_alone_and_bonferroni(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    assert adjusted.keys() == p_values.keys()
    for name, p_value in p_values.items():
        assert p_value <= adjusted[name] <= min(1.0, len(p_values) * p_value) + 1e-12
