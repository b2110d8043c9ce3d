from evaluation.champion.comparison import (
    ChampionComparison,
    ChampionPin,
    ComparisonSettings,
    ModelScores,
    compare_models,
)
from evaluation.gate.champion_rules import judge_champion
from evaluation.gate.decision import RuleLine
from evaluation.gate.policy import ChampionRules
from evaluation.groups.slices import SliceColumn, slices_of
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from tests.evaluation.models import model

PIN = ChampionPin(name="champion", digest="c" * 64)
RULES = ChampionRules(
    presence="required",
    point="fmr_1e-2",
    fnmr_margin=0.03,
    fmr_margin=1.0,
    slices=("skin_tone_*",),
    slice_fnmr_margin=0.05,
    slice_fmr_margin=4.0,
)
COLUMNS = (SliceColumn(column="skin_tone"),)


def compared(
    candidate: ModelScores, champion: ModelScores, min_genuine_pairs: int = 100
) -> ChampionComparison:
    settings = ComparisonSettings(
        0.9, 1000, min_genuine_pairs, "fmr_1e-2", SubjectBootstrap(replicates=400)
    )
    slices = list(slices_of(candidate.test, COLUMNS))
    return compare_models(candidate, champion, PIN, (1e-2,), slices, settings).report


def verdicts(lines: tuple[RuleLine, ...]) -> dict[tuple[str | None, str], str]:
    return {
        (line.slice, line.metric.rsplit("/", 1)[1].removesuffix("_difference")): line.verdict
        for line in lines
    }


def test_a_model_equal_to_the_champion_passes() -> None:
    one = model()
    lines = judge_champion(compared(one, one), RULES, {"report": "1" * 64})
    assert set(verdicts(lines)) == {
        (part, metric)
        for part in (None, "skin_tone_dark", "skin_tone_light")
        for metric in ("fmr", "fnmr")
    }
    assert {line.verdict for line in lines} == {"pass"}
    assert all(line.sources == {"report": "1" * 64, "champion": PIN.digest} for line in lines)
    assert all(line.kind == "champion" for line in lines)


def test_a_model_that_is_worse_for_one_group_fails_there() -> None:
    hurt = model(hurt_dark=0.5, own_seed=7)
    lines = judge_champion(compared(hurt, model()), RULES, {})
    found = verdicts(lines)
    assert found[("skin_tone_dark", "fnmr")] == "fail"
    assert found[("skin_tone_light", "fnmr")] != "fail"
    (line,) = (x for x in lines if x.slice == "skin_tone_dark" and "fnmr" in x.metric)
    assert "Holm over 4 comparisons" in line.reason
    assert line.bound == RULES.slice_fnmr_margin


def test_a_small_set_is_inconclusive_and_says_how_many_are_missing() -> None:
    one, other = (model(1.0, own_seed=own, num_people=12, num_photos=5) for own in (11, 0))
    lines = judge_champion(compared(one, other), RULES, {})
    (line,) = (x for x in lines if x.slice is None and "fnmr" in x.metric)
    assert line.verdict == "inconclusive"
    assert line.samples_needed is not None
    assert line.samples_needed > 0
    thin = verdicts(lines)
    assert thin[("skin_tone_dark", "fmr")] == "inconclusive"
    (line,) = (
        x for x in lines if x.slice == "skin_tone_dark" and x.metric.endswith("fmr_difference")
    )
    assert line.n is not None
    assert line.samples_needed == 1000 - line.n


def test_without_a_champion_required_rules_are_open_and_optional_ones_do_not_apply() -> None:
    assert {line.verdict for line in judge_champion(None, RULES, {})} == {"inconclusive"}
    optional = RULES.model_copy(update={"presence": "optional"})
    lines = judge_champion(None, optional, {})
    assert {line.verdict for line in lines} == {"not_applicable"}
    assert "no champion is pinned" in lines[0].reason


def test_what_was_not_compared_is_never_a_pass() -> None:
    one = model()
    found = compared(one, one)
    other_point = RULES.model_copy(update={"point": "fmr_1e-4"})
    assert {x.verdict for x in judge_champion(found, other_point, {})} == {"inconclusive"}
    hats = RULES.model_copy(update={"slices": ("hat_*",)})
    lines = judge_champion(found, hats, {})
    assert [line.verdict for line in lines if line.slice == "hat_*"] == ["inconclusive"] * 2
