"""What is wrong with Evidently 0.7, so that an upgrade tells us when it is not any more.

A test that fails here is good news: read what it says, then simplify ours.
"""

import numpy as np
import pandas as pd
import pytest
from evidently import BinaryClassification, DataDefinition, Dataset, Report
from evidently.metrics import FNR, FPR, GroupBy, MeanValue, ValueDrift
from scipy import stats

from pipelines.drift.telemetry import DO_NOT_TRACK

MASKED, CLEAN = "mask", "clean"


@pytest.fixture(scope="module")
def comparisons() -> pd.DataFrame:
    """Masked faces fail ten times as often as clean ones."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"slice": np.repeat([MASKED, CLEAN], 1000)})
    table["genuine"] = np.tile([1, 0], 1000)
    is_wrong = rng.random(2000) < np.where(table["slice"] == MASKED, 0.2, 0.02)
    table["match"] = np.where(is_wrong, 1 - table["genuine"], table["genuine"])
    return table


def _dataset(table: pd.DataFrame) -> Dataset:
    roles = BinaryClassification(target="genuine", prediction_labels="match", pos_label=1)
    return Dataset.from_pandas(
        table,
        data_definition=DataDefinition(categorical_columns=["slice"], classification=[roles]),
    )


def _rates(table: pd.DataFrame) -> tuple[float, float]:
    """FMR and FNMR by counting."""
    genuine, match = table["genuine"] == 1, table["match"] == 1
    return float(match[~genuine].mean()), float((~match[genuine]).mean())


@pytest.mark.parametrize(("metric", "ours"), [(FPR(), 0), (FNR(), 1)])
def test_group_by_gives_every_slice_the_figure_of_the_whole(
    comparisons: pd.DataFrame, metric: object, ours: int
) -> None:
    """`LegacyMetricCalculation.calculate` ignores the rows it is given. Once this fails, GroupBy
    may be right: check it slice by slice as in `test_evidently_figures.py`, then drop the loop."""
    found = Report([GroupBy(metric, "slice")]).run(_dataset(comparisons), None)
    values = [float(one["value"]) for one in found.dict()["metrics"]]
    whole = _rates(comparisons)[ours]
    assert values == pytest.approx([whole, whole])
    for name in (MASKED, CLEAN):
        part = comparisons[comparisons["slice"] == name]
        assert abs(_rates(part)[ours] - whole) > 0.05


def test_group_by_is_right_for_metrics_that_are_not_of_the_old_kind() -> None:
    table = pd.DataFrame({"slice": ["a", "a", "b", "b"], "score": [0.1, 0.3, 0.7, 0.9]})
    definition = DataDefinition(numerical_columns=["score"], categorical_columns=["slice"])
    dataset = Dataset.from_pandas(table, data_definition=definition)
    found = Report([GroupBy(MeanValue(column="score"), "slice")]).run(dataset, None)
    assert [one["value"] for one in found.dict()["metrics"]] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize("n", [50, 100, 200])
def test_the_default_limit_of_psi_alarms_by_size_of_the_window(n: int) -> None:
    """The test that ours passes (`tests/evaluation/test_drift_verdicts.py`), with theirs."""
    rng = np.random.default_rng(n)
    definition = DataDefinition(numerical_columns=["score"])
    num_windows, alarms = 25, 0
    for _ in range(num_windows):
        current, reference = (
            Dataset.from_pandas(
                pd.DataFrame({"score": rng.normal(0.5, 0.12, size)}), data_definition=definition
            )
            for size in (n, 2000)
        )
        found = Report([ValueDrift(column="score", method="psi")]).run(current, reference)
        alarms += found.dict()["metrics"][0]["value"] > 0.1
    assert alarms > stats.binom.ppf(0.95, num_windows, 0.05)


def test_telemetry_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from evidently.telemetry import event_logger

    assert not event_logger.is_enabled()
    monkeypatch.delenv(DO_NOT_TRACK)
    assert event_logger.is_enabled()  # or the line above says nothing
