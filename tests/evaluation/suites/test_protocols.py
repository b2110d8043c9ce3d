from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from data.pairs import Pairs
from evaluation.config import EvaluationConfig
from evaluation.errors import ScoresError
from evaluation.evaluate import evaluate
from evaluation.groups.labels import label_sources, predicted_share, predicted_text
from evaluation.measures.metrics import fmr, fnmr
from evaluation.operating_points import OperatingPoint, operating_points
from evaluation.report import EvaluationReport
from evaluation.scores import ScoredSplit
from evaluation.suites.protocols import (
    ProtocolIdentity,
    ProtocolReport,
    ScoredProtocol,
    judge_protocol,
)
from evaluation.tables import failure_mode_table, marked, protocol_table, slice_table

SplitMaker = Callable[..., ScoredSplit]
CONFIG = EvaluationConfig(min_genuine_pairs=20, min_impostor_pairs=200)
IDENTITY = ProtocolIdentity(
    digest="0" * 64,
    unit="image",
    definition="siblings",
    labels={"family_id": {"ground_truth": 180}},
    mined_with=("mobilefacenet_foamliu",),
)


@pytest.fixture(scope="module")
def points(make_split: SplitMaker) -> dict[str, OperatingPoint]:
    return operating_points(make_split(seed=1).impostor_scores, CONFIG.target_fmrs)


@pytest.fixture(scope="module")
def bins(campus: ScoredSplit) -> NDArray[np.object_]:
    names = np.array(["gap 0/1", "gap_1_3", None], dtype=object)
    return names[np.arange(len(campus.pairs)) % 3]


def test_rates_are_those_of_its_own_pairs_and_bins(
    campus: ScoredSplit,
    points: dict[str, OperatingPoint],
    bins: NDArray[np.object_],
) -> None:
    found = judge_protocol(ScoredProtocol(IDENTITY, campus, bins), points, CONFIG)
    assert found.overall is not None
    threshold = points["fmr_1e-2"].threshold
    rates = found.overall.points["fmr_1e-2"]
    assert rates.fmr.rate == fmr(campus.impostor_scores, threshold)
    assert rates.fnmr.rate == fnmr(campus.genuine_scores, threshold)
    assert sorted(found.bins) == ["gap 0/1", "gap_1_3"]
    part = bins == "gap_1_3"
    inside = campus.scores[part & campus.pairs.genuine]
    assert found.bins["gap_1_3"].points["fmr_1e-2"].fnmr.rate == fnmr(inside, threshold)
    assert found.bins["gap_1_3"].num_genuine_pairs == len(inside)
    assert found.num_failures_to_extract == int((~campus.usable).sum())
    keys = dict(found.measurements("protocol/domain", 200, 20))
    assert "protocol/domain/fmr_1e-2/fnmr" in keys
    assert "protocol/domain/gap_0_1/fmr_1e-2/fmr" in keys
    assert keys["protocol/domain/fmr_1e-2/fmr"].min_n == 200


def test_nobody_qualified_is_said_and_measures_nothing(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    none = np.zeros(0, dtype=np.int64)
    empty = ScoredSplit(
        campus.table.iloc[:0],
        campus.usable[:0],
        Pairs(none, none, np.zeros(0, dtype=bool)),
        np.zeros(0),
    )
    found = judge_protocol(ScoredProtocol(IDENTITY, empty), points, CONFIG)
    assert found.overall is not None
    assert found.overall.points["fmr_1e-2"].fmr.rate is None
    assert dict(found.measurements("protocol/siblings", 1, 1)) == {}
    report = _with(campus, points, {"siblings": found})
    assert len(protocol_table(report)) == 0
    assert not any(key.startswith("protocol/") for key in report.metrics())


def test_a_protocol_that_must_not_judge_this_model_says_so(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    refused = ProtocolReport(identity=IDENTITY, not_judged="this model mined it")
    report = _with(campus, points, {"hard": refused})
    assert report.protocols["hard"].not_judged == "this model mined it"
    assert not any(key.startswith("protocol/") for key in report.measurements())


def test_report_and_table_hold_every_protocol(
    campus: ScoredSplit,
    points: dict[str, OperatingPoint],
    bins: NDArray[np.object_],
) -> None:
    found = judge_protocol(ScoredProtocol(IDENTITY, campus, bins), points, CONFIG)
    report = _with(campus, points, {"domain": found})
    assert report.metrics()["protocol/domain/fmr_1e-2/fnmr"] == report.metrics()["fmr_1e-2/fnmr"]
    table = protocol_table(report)
    assert set(table["bin"]) == {"", "gap 0/1", "gap_1_3"}
    assert len(table) == 3 * 3 * 2
    assert not table.isna().any().any()
    assert len(failure_mode_table(report)) == 0


def test_bins_must_be_as_many_as_pairs(campus: ScoredSplit) -> None:
    with pytest.raises(ScoresError, match="bins for"):
        ScoredProtocol(IDENTITY, campus, np.array(["a"], dtype=object))


def _with(
    campus: ScoredSplit, points: dict[str, OperatingPoint], found: dict[str, ProtocolReport]
) -> EvaluationReport:
    return evaluate(campus, points, CONFIG).model_copy(update={"protocols": found})


def test_slices_by_predicted_labels_say_so_everywhere(
    campus: ScoredSplit, points: dict[str, OperatingPoint]
) -> None:
    sure = np.linspace(0.5, 1.0, len(campus.table))
    table = campus.table.assign(
        gender_provenance="predicted:gear", gender_confidence=sure, skin_tone_provenance="manual"
    )
    split = ScoredSplit(table, campus.usable, campus.pairs, campus.scores)
    report = evaluate(split, points, CONFIG)
    (source,) = report.slices["gender_feminine"].labels
    feminine = (table["gender"] == "feminine").to_numpy()
    assert source.provenance == "predicted:gear"
    assert source.num_photos == feminine.sum()
    assert source.mean_confidence == pytest.approx(sure[feminine].mean(), abs=1e-4)
    assert report.metrics()["slice/gender_feminine/predicted_label_share"] == 1
    assert "slice/skin_tone_monk_02/predicted_label_share" not in report.metrics()
    rows = slice_table(report)
    text = rows.loc[rows["slice"] == "gender_feminine", "labels"].unique()
    assert text.tolist() == [source.text]
    assert source.text.startswith(f"predicted:gear (n={feminine.sum()}, mean confidence 0.")
    assert rows.loc[rows["slice"] == "skin_tone_monk_02", "labels"].unique().tolist() == [""]
    names = set(marked(rows))
    assert {"gender_feminine [predicted:gear]", "skin_tone_monk_02", "overall"} <= names


def test_mixed_labels_are_counted_by_origin() -> None:
    rows = pd.DataFrame(
        {
            "glasses": ["yes", "yes", "no", None],
            "glasses_provenance": ["predicted:gear", "manual", "predicted:gear", None],
            "glasses_confidence": [0.6, None, None, None],
        }
    )
    found = label_sources(rows, "glasses")
    assert [(s.provenance, s.num_photos, s.mean_confidence) for s in found] == [
        ("predicted:gear", 2, 0.6),
        ("manual", 1, None),
    ]
    assert predicted_share(found) == pytest.approx(2 / 3)
    assert predicted_text(found) == "predicted:gear (n=2, mean confidence 0.60)"
    assert label_sources(rows.iloc[3:], "glasses") == ()
    (bare,) = label_sources(rows[["glasses"]], "glasses")
    assert bare.provenance == "unknown"
    assert predicted_share(()) == 0
