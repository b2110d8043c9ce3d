"""From scores to a verdict: who is failed, who passes, and what cannot be said."""

import pytest

from evaluation.champion.comparison import (
    ChampionPin,
    ComparisonSettings,
    ModelScores,
    compare_models,
)
from evaluation.config import EvaluationConfig
from evaluation.evaluate import config_slices, evaluate
from evaluation.gate.decide import decide
from evaluation.gate.decision import Decision, RuleLine
from evaluation.gate.evidence import Candidate
from evaluation.gate.policy import GatePolicy
from evaluation.groups.slices import SliceColumn
from evaluation.operating_points import operating_points
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from tests.evaluation.models import model

CONFIG = EvaluationConfig(
    target_fmrs=(1e-2,),
    default_operating_point="fmr_1e-2",
    confidence=0.9,
    bootstrap=SubjectBootstrap(replicates=300),
    slice_columns=(SliceColumn(column="skin_tone"), SliceColumn(column="gender")),
    slice_crossings=(("gender", "skin_tone"),),
)
POLICY = GatePolicy.model_validate(
    {
        "name": "test",
        "description": "no group much worse than overall, and no worse than the champion",
        "rules": [
            {"metric": "fmr_1e-2/fmr", "direction": "at_most", "bound": 0.05, "use": "confidence"},
            {"metric": "fmr_1e-2/fnmr", "direction": "at_most", "bound": 0.2, "use": "confidence"},
            {
                "metric": "fmr_1e-2/fnmr",
                "slice": "skin_tone_*",
                "direction": "at_most",
                "bound": 0.2,
                "use": "confidence",
            },
            {
                "metric": "fmr_1e-2/fnmr",
                "slice": "gender_*",
                "direction": "at_most",
                "bound": 0.2,
                "use": "confidence",
            },
            {
                "metric": "fairness/skin_tone/fmr_1e-2/fnmr/worst_over_overall_p",
                "direction": "at_least",
                "bound": 0.01,
            },
        ],
        "champion": {
            "presence": "optional",
            "point": "fmr_1e-2",
            "fnmr_margin": 0.05,
            "fmr_margin": 2.0,
            "slices": ["skin_tone_*"],
            "slice_fnmr_margin": 0.08,
            "slice_fmr_margin": 4.0,
        },
    }
)
PIN = ChampionPin(name="champion", digest="c" * 64)
SOURCES = {"": {"report": "1" * 64, "protocol": "2" * 64, "calibration": "3" * 64}}


def judge(candidate: ModelScores, champion: ModelScores | None = None) -> Decision:
    points = operating_points(candidate.calibration.impostor_scores, CONFIG.target_fmrs)
    report = evaluate(candidate.test, points, CONFIG)
    settings = ComparisonSettings(
        CONFIG.confidence,
        CONFIG.min_impostor_pairs,
        CONFIG.min_genuine_pairs,
        CONFIG.default_operating_point,
        CONFIG.bootstrap,
    )
    found = Candidate(report.measurements(), SOURCES)
    if champion is None:
        return decide(found, None, POLICY)
    slices = config_slices(candidate.test, CONFIG)
    compared = compare_models(candidate, champion, PIN, CONFIG.target_fmrs, slices, settings)
    return decide(found, compared.report, POLICY)


def lines_of(decision: Decision, verdict: str) -> list[RuleLine]:
    return [line for line in decision.lines if line.verdict == verdict]


@pytest.fixture(scope="module")
def good() -> ModelScores:
    return model(spread=0.7)


def test_a_good_model_passes_and_so_does_one_equal_to_the_champion(good: ModelScores) -> None:
    alone = judge(good)
    assert alone.passed
    assert {line.kind for line in lines_of(alone, "not_applicable")} == {"champion"}
    beside = judge(good, good)
    assert beside.passed
    assert beside.champion is not None
    assert lines_of(beside, "not_applicable") == []


def test_a_model_that_is_worse_for_one_group_is_failed_for_that_slice(good: ModelScores) -> None:
    biased = model(spread=0.7, hurt_dark=0.9)
    decision = judge(biased, good)
    assert decision.verdict == "fail"
    failed = lines_of(decision, "fail")
    assert ("rule", "skin_tone_dark") in {(line.kind, line.slice) for line in failed}
    assert ("champion", "skin_tone_dark") in {(line.kind, line.slice) for line in failed}
    assert "skin_tone_light" not in {line.slice for line in failed}
    # Chance does not explain it.
    assert any(line.metric.startswith("fairness/skin_tone") for line in failed)


def test_a_tiny_set_is_inconclusive_and_says_how_many_pairs_are_missing() -> None:
    tiny = model(spread=0.7, num_people=8, num_photos=4)
    decision = judge(tiny)
    assert decision.verdict == "inconclusive"
    open_lines = lines_of(decision, "inconclusive")
    dark = next(line for line in open_lines if line.slice == "skin_tone_dark")
    assert dark.n == 24
    assert dark.samples_needed == CONFIG.min_genuine_pairs - 24
    assert "only 24 comparisons" in dark.reason


def test_every_line_of_a_decision_is_traceable(good: ModelScores) -> None:
    decision = judge(good, good)
    for line in decision.lines:
        assert {"report", "protocol", "calibration"} <= line.sources.keys()
    assert all("champion" in line.sources for line in decision.lines if line.kind == "champion")
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
