"""A whole evaluation of a small campus of scores, as the page gets it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.pairs import cross_pairs
from evaluation.champion.comparison import (
    ChampionPin,
    ComparisonSettings,
    ModelScores,
    compare_models,
)
from evaluation.config import EvaluationConfig
from evaluation.evaluate import config_slices, evaluate
from evaluation.gallery import worst_pairs
from evaluation.gate.decide import decide
from evaluation.gate.evidence import Candidate
from evaluation.gate.policy import GatePolicy, Rule
from evaluation.groups.fairness import FairnessConfig
from evaluation.groups.slices import SliceColumn
from evaluation.measurement import Measurement
from evaluation.measures.curves import det_curve, score_histogram
from evaluation.measures.latency import latency_report
from evaluation.operating_points import operating_points
from evaluation.report import EvaluationReport
from evaluation.scores import ScoredSplit, score_split
from evaluation.suites.behaviour import BehaviourReport, ExpectationReport
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.pictures import Album
from training.loading.crop_sources import PackedCrops

CONFIG = EvaluationConfig(
    target_fmrs=(0.1, 0.01),
    default_operating_point="fmr_1e-2",
    confidence=0.9,
    min_genuine_pairs=20,
    min_impostor_pairs=200,
    slice_columns=(SliceColumn(column="gender"), SliceColumn(column="glasses", usual="no")),
    slice_crossings=(("gender", "glasses"),),
    bootstrap=SubjectBootstrap(replicates=100),
    fairness=FairnessConfig(permutations=19),
)
POLICY = GatePolicy(
    name="test",
    description="Rules of every kind of outcome.",
    rules=(
        Rule(metric="overall/auc", direction="at_least", bound=0.5),
        Rule(metric="fmr_1e-2/fnmr", direction="at_most", bound=1e-6, use="confidence"),
        Rule(metric="fmr_1e-2/fmr", direction="at_most", bound=0.01, use="confidence"),
        Rule(
            metric="fmr_1e-2/fnmr",
            slice="gender_*",
            direction="at_most",
            relative_to="fmr_1e-2/fnmr",
            factor=1.25,
            use="confidence",
        ),
        Rule(metric="nobody/measured", direction="at_most", bound=0.1, min_n=7),
        Rule(metric="parity/cosine_min", direction="at_least", bound=0.999),
    ),
)


def campus(seed: int, gender: str = "feminine") -> ScoredSplit:
    """24 people with 5 photos each, one failed."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(24), 5)
    vectors = rng.normal(size=(24, 32))[people] + 0.9 * rng.normal(size=(120, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    usable = np.arange(120) != 17
    table = pd.DataFrame(
        {
            "image_id": [f"i{row:03d}" for row in range(120)],
            "subject_id": [f"s{person:02d}" for person in people],
            "gender": np.where(people % 2 == 0, gender, "masculine"),
            "glasses": rng.choice(["yes", "no"], 120),
            "glasses_provenance": "predicted:gear",
            "glasses_confidence": 0.9,
            "quality": rng.uniform(0, 100, 120),
            "reject_reason": [None if good else "no_face" for good in usable],
        }
    )
    pairs = cross_pairs(list(table["subject_id"]))
    return score_split(table, vectors.astype(np.float32), usable, pairs)


def judged(gender: str = "feminine") -> Inputs:
    """Everything that the page can show, of a small campus."""
    calibration, test, other = campus(1, gender), campus(2, gender), campus(3, gender)
    points = operating_points(calibration.impostor_scores, CONFIG.target_fmrs)
    compared = compare_models(
        ModelScores(calibration, test),
        ModelScores(calibration, ScoredSplit(test.table, test.usable, test.pairs, other.scores)),
        ChampionPin(name="campus", version="3", digest="c" * 64),
        CONFIG.target_fmrs,
        [part for part in config_slices(test, CONFIG) if part.family == "gender"],
        ComparisonSettings(
            confidence=0.9,
            min_impostor_pairs=200,
            min_genuine_pairs=20,
            flip_point="fmr_1e-2",
            bootstrap=CONFIG.bootstrap,
        ),
    )
    report = evaluate(test, points, CONFIG, calibration)
    report = report.model_copy(update={"champion": compared.report, "behaviour": _behaviour()})
    report = EvaluationReport.model_validate(report.model_dump(mode="json"))
    exempt = {"parity/": "there is no checkpoint"}
    crops = np.random.default_rng(0).integers(0, 255, (120, 112, 112, 3)).astype(np.uint8)
    rows = pd.Series(range(120), index=test.table["image_id"])
    rows[~test.usable] = -1
    return Inputs(
        report=report,
        decision=decide(Candidate(report.measurements(), {}), None, POLICY, exempt),
        release=None,
        tables={
            "det": det_curve(test.genuine_scores, test.impostor_scores),
            "scores": score_histogram(test.genuine_scores, test.impostor_scores),
        },
        worst_pairs=worst_pairs(test, points["fmr_1e-2"].threshold, config_slices(test, CONFIG)),
        flips=compared.flips,
        latency=latency_report(np.arange(1.0, 100.0), "one photo on one core", 0.9),
        stages={"align": {"accepted_share": 0.99}},
        digests={"evaluation report": "a" * 64},
        album=Album(PackedCrops(crops), rows),
    )


def _behaviour() -> dict[str, BehaviourReport]:
    expectation = ExpectationReport(
        metric="genuine_flip_rate",
        bound=0.01,
        measured=Measurement(value=0.02, n=500, low=0.015, high=0.03),
        worst="jpeg 0.4",
        verdict="exceeded",
    )
    return {
        "jpeg": BehaviourReport(
            kind="invariance",
            how="jpeg at 0.4",
            owner="ML engineer",
            status="open",
            point="fmr_1e-2",
            expectations=(expectation,),
        )
    }


@pytest.fixture(scope="session")
def inputs() -> Inputs:
    return judged()


@pytest.fixture(scope="session")
def judge() -> Callable[..., Inputs]:
    return judged
