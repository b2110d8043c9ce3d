"""Evidently's figures, slice by slice.

One report for each slice, in a loop. `GroupBy` would be shorter, and is wrong: in 0.7 it returns
the figure of the whole for every slice where a metric is one of the old ones, such as FPR and FNR
(`tests/pipelines/drift/test_evidently_defects.py`).
"""

from collections.abc import Iterator

import pandas as pd
from evidently import Report
from evidently.metrics import MeanValue, MissingValueCount, QuantileValue, ValueDrift
from pydantic import BaseModel, ConfigDict

from evaluation.drift.config import DriftConfig
from evaluation.drift.judge import ALL, parts_of
from evaluation.drift.summary import watched_numbers
from pipelines.drift.evidently_data import datasets

_QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


class EvidentlyFigures(BaseModel):
    """Evidently's figures of one column of the current window against the reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_missing: int
    mean: float
    p05: float
    p50: float
    p95: float
    ks_p: float
    """Of the asymptotic Kolmogorov-Smirnov test."""
    wasserstein: float
    """In standard deviations of the reference, not weighted to the site mix."""


def evidently_figures(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig
) -> dict[str, dict[str, EvidentlyFigures]]:
    """Let Evidently measure every slice: figures by slice and column.

    Windows hold one row a person. A slice with less than two values on either side is left out.
    """
    return {
        name: dict(_of_slice(here, there, config))
        for name, here, there in parts_of(current, reference, config)
        if name == ALL or min(len(here), len(there)) >= config.min_rows
    }


def _of_slice(
    current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig
) -> Iterator[tuple[str, EvidentlyFigures]]:
    here, there = datasets(current, reference, config)
    for column in watched_numbers(config, current, reference):
        if min(current[column].count(), reference[column].count()) < 2:
            continue
        metrics = {
            "num_missing": MissingValueCount(column=column),
            "mean": MeanValue(column=column),
            **{name: QuantileValue(column=column, quantile=q) for name, q in _QUANTILES.items()},
            "ks_p": ValueDrift(column=column, method="ks"),
            "wasserstein": ValueDrift(column=column, method="wasserstein"),
        }
        found = Report(list(metrics.values()), include_tests=False).run(here, there)
        values = [one["value"] for one in found.dict()["metrics"]]
        named = dict(zip(metrics, values, strict=True))
        named["num_missing"] = int(named["num_missing"]["count"])
        yield column, EvidentlyFigures(**named)
