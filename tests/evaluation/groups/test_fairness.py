from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.pairs import cross_pairs
from evaluation.errors import SliceError
from evaluation.groups.cross_cells import cross_cells
from evaluation.groups.disparity import STATISTICS, GroupCounts, disparities
from evaluation.groups.fairness import (
    FairnessConfig,
    FairnessReport,
    FairnessSettings,
    GroupRates,
    judge_fairness,
)
from evaluation.groups.slices import SliceColumn, slices_of
from evaluation.operating_points import OperatingPoint
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.intervals import Dyads, fmr_estimate

POINT = OperatingPoint(target_fmr=0.1, threshold=0.5, num_impostor_pairs=5000, realised_fmr=0.1)
POINTS = {"fmr_1e-1": POINT}
SETTINGS = FairnessSettings(
    confidence=0.9, min_impostor_pairs=100, min_genuine_pairs=20, chance=FairnessConfig(seed=3)
)


def crowd(
    num_people: int, num_photos: int, bias: float, seed: int = 0, groups: str = "abcd"
) -> ScoredSplit:
    """People of some groups, who differ in how well they match; `bias` lowers group a's scores."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(num_people), num_photos)
    table = pd.DataFrame(
        {
            "subject_id": [f"s{p:04d}" for p in people],
            "group": [groups[p % len(groups)] for p in people],
            "half": ["xy"[(p // len(groups)) % 2] for p in people],
        }
    )
    pairs = cross_pairs(list(table["subject_id"]))
    ease = rng.normal(0, 0.1, num_people)
    scores = np.where(pairs.genuine, 0.7, 0.3) + rng.normal(0, 0.1, len(pairs))
    scores += np.where(pairs.genuine, ease[people[pairs.left]], 0)
    hurt = (table["group"] == "a").to_numpy()[pairs.left] & pairs.genuine
    usable = np.ones(len(table), dtype=bool)
    return ScoredSplit(table, usable, pairs, np.clip(scores - bias * hurt, -1, 1))


def test_summaries_by_hand() -> None:
    found = disparities(GroupCounts(np.array([10.0, 20, 0]), np.array([100.0, 100, 100])))
    assert found["worst"] == pytest.approx(0.2)
    assert found["worst_over_overall"] == pytest.approx(2.0)
    # The empty group counts as 0.5 / 101.
    assert found["max_over_geomean"] == pytest.approx(0.2 / (0.1 * 0.2 * 0.5 / 101) ** (1 / 3))
    # 3/2 * sum |differences| / (2 * 9 * mean): differences 0.1, 0.1, 0.2, each twice.
    assert found["garbe"] == pytest.approx(1.5 * 0.8 / (18 * 0.1))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(50, 500)), min_size=2, max_size=8),
)
def test_summaries_do_not_depend_on_the_order_and_grow_from_equality(
    groups: list[tuple[int, int]],
) -> None:
    counts = np.array(groups, dtype=float)
    found = disparities(GroupCounts(counts[:, 0], counts[:, 1]))
    turned = disparities(GroupCounts(counts[::-1, 0], counts[::-1, 1]))
    for name in STATISTICS:
        assert found[name] == pytest.approx(turned[name])
    assert found["max_over_geomean"] >= 1 - 1e-9
    assert found["worst_over_overall"] >= 1 - 1e-9
    assert -1e-9 <= found["garbe"] <= 1 + 1e-9


def test_equal_groups_are_equal() -> None:
    found = disparities(GroupCounts(np.full(4, 7.0), np.full(4, 100.0)))
    assert found["max_over_geomean"] == pytest.approx(1)
    assert found["worst_over_overall"] == pytest.approx(1)
    assert found["garbe"] == pytest.approx(0)


def rates_of(report: FairnessReport, metric: str) -> GroupRates:
    found: GroupRates | None = getattr(report.points["fmr_1e-1"], metric)
    assert found is not None
    return found


def test_a_group_that_is_hurt_is_the_worst_and_chance_does_not_explain_it() -> None:
    report = judge_fairness(crowd(80, 5, bias=0.15), ["group"], POINTS, SETTINGS)
    found = rates_of(report, "fnmr")
    assert found.worst == "group_a"
    for name in STATISTICS:
        assert found.summaries[name].null.p_value < 0.02
        assert found.summaries[name].value > found.summaries[name].null.high
    # Nobody touched the impostors.
    assert rates_of(report, "fmr").summaries["worst_over_overall"].null.p_value > 0.05


def test_a_ratio_that_chance_explains_says_so() -> None:
    """Labels mean nothing: p-values are uniform, however far above 1 the ratios lie."""
    p_values, ratios = [], []
    for seed in range(60):
        split = crowd(24, 4, bias=0.0, seed=seed)
        settings = SETTINGS.model_copy(update={"chance": FairnessConfig(permutations=199)})
        found = rates_of(judge_fairness(split, ["group"], POINTS, settings), "fnmr")
        p_values.append(found.summaries["worst_over_overall"].null.p_value)
        ratios.append(found.summaries["worst_over_overall"].value)
    assert np.median(ratios) > 1.3
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12  # 60 draws at 5 %: 7 or fewer in 98 %
    assert 0.3 < np.mean(p_values) < 0.75


def test_bounds_of_all_groups_hold_at_once() -> None:
    """Four equal groups: in 95 % of samples none of their upper bounds lies below the truth."""
    truth = NormalDist().cdf(-0.2 / 0.02**0.5)  # P(0.7 + N(0, 0.1^2) + N(0, 0.1^2) < 0.5)
    settings = SETTINGS.model_copy(update={"chance": FairnessConfig(permutations=19)})
    below = 0
    for seed in range(40):
        split = crowd(40, 4, bias=0.0, seed=seed)
        found = rates_of(judge_fairness(split, ["group"], POINTS, settings), "fnmr")
        below += min(rate.high for rate in found.groups.values()) < truth
    assert below <= 6  # 40 draws at 5 %: 5 or fewer in 99 %


def test_groups_with_too_few_are_named_and_make_the_summary_thin() -> None:
    split = crowd(80, 5, bias=0.0)
    lone = split.table["group"].where(split.table["subject_id"] != "s0000", "lone")
    split = ScoredSplit(split.table.assign(group=lone), split.usable, split.pairs, split.scores)
    found = judge_fairness(split, ["group"], POINTS, SETTINGS)
    assert rates_of(found, "fmr").left_out == {"group_lone": 0}
    assert rates_of(found, "fnmr").left_out == {"group_lone": 10}
    for key, measured in found.measurements("fairness/group"):
        assert measured.too_few, key


def test_one_group_alone_is_compared_with_nobody() -> None:
    split = crowd(20, 4, bias=0.0, groups="a")
    found = judge_fairness(split, ["group"], POINTS, SETTINGS)
    assert found.points["fmr_1e-1"].fnmr is None
    assert list(found.measurements("fairness/group")) == []
    nobody = ScoredSplit(split.table.assign(group=None), split.usable, split.pairs, split.scores)
    assert judge_fairness(nobody, ["group"], POINTS, SETTINGS).num_people == 0


def test_keys_and_reproducibility() -> None:
    split = crowd(40, 4, bias=0.1)
    found = judge_fairness(split, ["group", "half"], POINTS, SETTINGS)
    again = judge_fairness(split, ["group", "half"], POINTS, SETTINGS)
    assert found.model_dump_json() == again.model_dump_json()
    keys = dict(found.measurements("fairness/group-x-half"))
    for stat in (*STATISTICS, "worst_high", "worst_over_overall_p"):
        assert f"fairness/group-x-half/fmr_1e-1/fnmr/{stat}" in keys
    assert "fairness/group-x-half/fmr_1e-1/garbe" in keys
    with pytest.raises(SliceError, match="'hat'"):
        judge_fairness(split, ["hat"], POINTS, SETTINGS)


def test_cross_cells_agree_with_slices_on_the_diagonal() -> None:
    split = crowd(40, 3, bias=0.0)
    found = cross_cells(split, ["group"], "fmr_1e-1", POINT, 100, 0.9)
    assert len(found.entries) == 10
    assert sum(entry.fmr.num_comparisons for entry in found.entries) == len(split.impostor_scores)
    codes = split.subject_codes()
    for part in slices_of(split, (SliceColumn(column="group"),)):
        (entry,) = (e for e in found.entries if e.left == e.right == part.name)
        inside = part.members & ~split.pairs.genuine
        sides = codes[split.pairs.left[inside]], codes[split.pairs.right[inside]]
        wrong = split.scores[inside] >= POINT.threshold
        assert entry.fmr == fmr_estimate(wrong, Dyads.of(*sides), 0.9)
    assert list(found.table().columns)[:3] == ["left", "right", "value"]
