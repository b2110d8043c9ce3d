"""Evidently's figures are ours, slice by slice; a difference is a defect of one of the two."""

import numpy as np
import pandas as pd
import pytest
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.metrics import FNR, FPR

from data.pairs import cross_pairs
from evaluation.drift.config import DriftConfig
from evaluation.drift.judge import judge_drift
from evaluation.groups.slices import SliceColumn, slices_of
from evaluation.measures.rates import error_rates
from evaluation.operating_points import OperatingPoint
from evaluation.scores import score_split
from pipelines.drift.evidently_figures import evidently_figures
from pipelines.drift.evidently_page import run_page
from tests.drift_windows import traffic

CONFIG = DriftConfig(columns=("score", "sharpness_quality"), num_resamples=99)
SITES = {"north": 0.5, "south": 0.5}


@pytest.fixture(scope="module")
def windows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both with as many people of either site, as Evidently knows no weights."""
    rng = np.random.default_rng(0)
    current, reference = traffic(rng, 120, sites=SITES, shift=-0.05), traffic(rng, 400, sites=SITES)
    for table in (current, reference):
        table["site"] = np.resize(list(SITES), len(table))
    return current, reference


def test_figures_are_ours_slice_by_slice(windows: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    current, reference = windows
    ours = judge_drift(reference, [current], CONFIG)
    theirs = evidently_figures(current, reference, CONFIG)
    assert set(theirs) == set(ours.slices) == {"all", "site=north", "site=south"}
    for name, part in ours.slices.items():
        distances = {(one.column, one.statistic): one.value for one in part.metrics}
        for column, summary in part.columns.items():
            found, here = theirs[name][column], summary.current
            assert found.num_missing == here.num_missing
            assert (found.mean, found.p05, found.p50, found.p95) == pytest.approx(
                (here.mean, here.p05, here.p50, here.p95)
            )
            assert found.wasserstein == pytest.approx(distances[column, "wasserstein"], rel=0.02)
    assert theirs["site=north"]["score"].mean != theirs["site=south"]["score"].mean


def test_wasserstein_is_the_same_number_where_nothing_is_missing(
    windows: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """Missing values unbalance the sites a little, and ours weighs them."""
    current, reference = (window[window["site"] == "north"] for window in windows)
    ours = judge_drift(reference, [current], CONFIG).slices["all"]
    theirs = evidently_figures(current, reference, CONFIG)["all"]
    for one in ours.metrics:
        if one.statistic == "wasserstein":
            assert theirs[one.column].wasserstein == pytest.approx(one.value)


def test_error_rates_of_a_slice_are_ours_when_each_slice_is_a_report_of_its_own() -> None:
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(20), 5)
    embeddings = rng.normal(size=(20, 16))[people] + 0.7 * rng.normal(size=(100, 16))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    table = pd.DataFrame({"subject_id": people.astype(str), "mask": np.resize(["no", "yes"], 100)})
    split = score_split(
        table,
        embeddings.astype(np.float32),
        np.ones(100, bool),
        cross_pairs(list(table["subject_id"])),
    )
    point = OperatingPoint(target_fmr=0.1, threshold=0.4, num_impostor_pairs=100, realised_fmr=0.1)
    for part in slices_of(split, (SliceColumn(column="mask", usual="no"),)):
        ours = error_rates(split, part.members, {"point": point}, 0.9)["point"]
        pairs = pd.DataFrame(
            {"genuine": split.pairs.genuine.astype(int), "match": (split.scores >= 0.4).astype(int)}
        )[part.members]
        roles = BinaryClassification(target="genuine", prediction_labels="match", pos_label=1)
        dataset = Dataset.from_pandas(pairs, DataDefinition(classification=[roles]))
        fmr, fnmr = (
            one["value"] for one in Report([FPR(), FNR()]).run(dataset, None).dict()["metrics"]
        )
        assert (ours.fmr.rate, ours.fnmr.rate) == pytest.approx((fmr, fnmr))


def test_the_page_tests_every_slice_at_our_level(
    windows: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    current, reference = windows
    report = judge_drift(reference, [current], CONFIG)
    page = run_page(current, reference, report)
    found = [one for one in page.dict()["metrics"] if "CalibratedP" in one["metric_name"]]
    assert [one["value"] for one in found] == [part.p_holm for part in report.slices.values()]
    verdicts = [str(one.status) for one in page.tests_results if "Calibrated" in one.name]
    wanted = ["FAIL" if part.verdict == "drift" else "SUCCESS" for part in report.slices.values()]
    assert [verdict.rpartition(".")[2] for verdict in verdicts] == wanted
    assert "FAIL" in wanted
