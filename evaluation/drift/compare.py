"""One window against a reference: statistics of both beside those of redrawn windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.drift.categories import NamedColumn
from evaluation.drift.config import DriftConfig
from evaluation.drift.embeddings import EmbeddingColumn
from evaluation.drift.ordered import OrderedColumn, Values
from evaluation.drift.p_values import p_values, together
from evaluation.drift.report import MetricDrift
from evaluation.drift.resampling import Pool
from evaluation.drift.summary import watched, watched_numbers
from evaluation.drift.window import EMBEDDING, embeddings_of
from evaluation.errors import DriftError
from evaluation.scores import Codes

Column = OrderedColumn | NamedColumn | EmbeddingColumn


@dataclass(frozen=True, slots=True)
class Compared:
    """Every metric of one window, and of windows as they would be without drift."""

    pool: Pool
    keys: tuple[tuple[str, str], ...]
    """(num_metrics,): column and statistic."""
    statistics: Values
    """(1 + num_resamples, num_metrics); the observed window is the first."""
    p: Values
    """The same shape."""
    expected_psi: dict[str, float]

    @property
    def num_reference(self) -> int:
        """Reference rows at the sites of the window."""
        return len(self.pool.sites) - self.pool.num_current

    @property
    def p_together(self) -> float:
        """One p for all metrics of the observed window."""
        return together(self.statistics, self.p)

    def metrics(self) -> tuple[MetricDrift, ...]:
        """Every metric of the observed window with its null."""
        return tuple(self._metric(place, *key) for place, key in enumerate(self.keys))

    def _metric(self, place: int, column: str, statistic: str) -> MetricDrift:
        null = self.statistics[1:, place]
        return MetricDrift(
            column=column,
            statistic=statistic,
            value=float(self.statistics[0, place]),
            null_mean=float(null.mean()),
            null_p95=float(np.quantile(null, 0.95)),
            expected=self.expected_psi.get(column) if statistic == "psi" else None,
            p=float(self.p[0, place]),
        )


def compare(current: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig) -> Compared:
    """Compare two windows, one row a person.

    Every site of `current` must be in `reference`; sites that only `reference` has are left out.
    Raises `DriftError` where a side is empty or embeddings are of different lengths.
    """
    current_sites, reference_sites = _site_codes(current, reference)
    kept = np.isin(reference_sites, current_sites)
    reference, reference_sites = reference[kept], reference_sites[kept]
    if current.empty or not np.isin(current_sites, reference_sites).all():
        raise DriftError("a window without rows, or with a site that its reference lacks")
    pool = Pool.of(current_sites, reference_sites)
    columns = dict(_columns(current, reference, pool, config))
    if not columns:
        raise DriftError("no column to compare has a value; correct columns and categories")
    rng = np.random.default_rng(config.seed)
    blocks = [
        np.concatenate([column.statistics(masks) for column in columns.values()], axis=1)
        for masks in pool.masks(config.num_resamples, rng)
    ]
    statistics = np.concatenate(blocks)
    return Compared(
        pool=pool,
        keys=tuple((name, one) for name, column in columns.items() for one in column.names),
        statistics=statistics,
        p=p_values(statistics),
        expected_psi={
            name: column.expected_psi()
            for name, column in columns.items()
            if isinstance(column, OrderedColumn)
        },
    )


def _columns(
    current: pd.DataFrame, reference: pd.DataFrame, pool: Pool, config: DriftConfig
) -> Iterator[tuple[str, Column]]:
    for name in watched_numbers(config, current, reference):
        values = np.concatenate([_numbers(current, name), _numbers(reference, name)])
        yield name, OrderedColumn(values, pool, config.num_bins)
    for name in watched(config.categories, current, reference):
        yield name, NamedColumn(_pooled(current, reference, name), pool)
    given, embeddings = _pooled_embeddings(current, reference)
    if len(embeddings):
        rng = np.random.default_rng((config.seed, 1))
        yield EMBEDDING, EmbeddingColumn(embeddings, given, pool, config.max_embeddings, rng)


def _numbers(table: pd.DataFrame, name: str) -> Values:
    if name not in table:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].to_numpy(dtype=np.float64, na_value=np.nan))


def _pooled(current: pd.DataFrame, reference: pd.DataFrame, name: str) -> pd.Series:
    sides = [
        table[name].astype(object) if name in table else pd.Series(None, table.index, dtype=object)
        for table in (current, reference)
    ]
    pooled: pd.Series = pd.concat(sides, ignore_index=True)
    return pooled


def _pooled_embeddings(
    current: pd.DataFrame, reference: pd.DataFrame
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Values]:
    """Embeddings of both sides, or none where only one side has any."""
    (given, here), (given_there, there) = embeddings_of(current), embeddings_of(reference)
    every = np.concatenate([given, given_there])
    if not len(here) or not len(there):
        return np.zeros_like(every), np.zeros((0, 0))
    if here.shape[1] != there.shape[1]:
        raise DriftError(
            f"embeddings of {here.shape[1]} and {there.shape[1]} numbers; take a reference window"
            " of the model that serves"
        )
    return every, np.concatenate([here, there])


def _site_codes(current: pd.DataFrame, reference: pd.DataFrame) -> tuple[Codes, Codes]:
    """Codes of the sites; one for all where the reference knows none."""
    if not knows_sites(reference):
        return np.zeros(len(current), np.int64), np.zeros(len(reference), np.int64)
    codes = pd.factorize(_pooled(current, reference, "site"), use_na_sentinel=False)[0]
    here, there = np.split(np.asarray(codes, dtype=np.int64), [len(current)])
    return here, there


def knows_sites(reference: pd.DataFrame) -> bool:
    """Whether a reference says where its rows come from."""
    return "site" in reference and bool(reference["site"].notna().any())
