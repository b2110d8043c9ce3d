"""What stage `evaluate` leaves behind: files, plot tables, and the pages of the MLflow run."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from data.files import whole_file, write_json
from evaluation.evaluate import plot_tables
from evaluation.measures.latency import LatencyReport
from evaluation.plot_rows import band_rows, cross_cell_rows, discard_rows
from evaluation.report import EvaluationReport
from evaluation.scores import ScoredSplit
from evaluation.tables import failure_mode_table, marked, protocol_table
from pipelines.drift.store import write_window
from pipelines.figures import draw_figures
from pipelines.layout import Layout
from pipelines.tracking import log_comparisons, log_figures, log_file, log_folder


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report, and what stands beside it: it names photos or people, or differs every time.

    Only the report goes into a release.
    """

    report: EvaluationReport
    tables: Mapping[str, pd.DataFrame]
    """Behind the plots, by name; they name nobody."""
    worst_pairs: pd.DataFrame
    """The comparisons that went most wrong, by image id."""
    owners: pd.DataFrame
    """People who own most errors, by subject id."""
    behaviour_flips: pd.DataFrame
    """Decisions that a change of the photo turned, by image id."""
    champion_flips: pd.DataFrame | None
    """Decisions on which the champion differs, by image id. None without a champion."""
    reference_window: pd.DataFrame
    """What drift is measured against; holds embeddings."""
    latency: LatencyReport | None
    """How long one photo takes here; no two runs agree on it."""


def drawn_tables(test: ScoredSplit, report: EvaluationReport) -> dict[str, pd.DataFrame]:
    """Every table behind a plot, by the name of its file."""
    tables = plot_tables(test, report)
    for metric in ("fnmr", "fmr"):
        where = tables["slices"], report.default_operating_point, metric
        tables[f"slices_{metric}"] = _rate_by_slice(*where)
    tables["det_band"] = band_rows(report.det_band)
    tables["cross_cells"] = cross_cell_rows(report.cross_cells)
    tables["discard"] = discard_rows(report.discard)
    tables["protocols"] = protocol_table(report)
    tables["failure_modes"] = failure_mode_table(report)
    return tables


def write_evaluation(found: Evaluation, layout: Layout) -> None:
    """Write the report, the plots, and what stands beside."""
    write_json(layout.evaluation, found.report.model_dump(mode="json"))
    named = {
        layout.worst_pairs: found.worst_pairs,
        layout.owners: found.owners,
        layout.behaviour_flips: found.behaviour_flips,
        layout.champion_flips: found.champion_flips,
    }
    for path, table in named.items():
        if table is not None:
            with whole_file(path) as partial:
                table.to_parquet(partial, index=False)
    write_window(found.reference_window, layout.reference_window)
    if found.latency is not None:
        write_json(layout.latency, found.latency.model_dump(mode="json"))
    for name, table in found.tables.items():
        with whole_file(layout.plots / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, float_format="%.6g")


def log_evaluation(found: Evaluation, layout: Layout) -> None:
    """Log metrics, comparisons, report, plot tables and figures to the open MLflow run."""
    log_figures(found.report.metrics())
    _log_inputs(found.report)
    log_file(layout.evaluation, "evaluation")
    log_folder(layout.plots, "evaluation/plots")
    draw_figures(found.tables)


def _rate_by_slice(slices: pd.DataFrame, point: str, metric: str) -> pd.DataFrame:
    """Columns slice, value, low, high: each slice that is large enough, at one operating point."""
    shown = slices[(slices["metric"] == metric) & (slices["point"] == point) & ~slices["too_few"]]
    return shown[["slice", "value", "low", "high"]].assign(slice=marked(shown))


def _log_inputs(report: EvaluationReport) -> None:
    """Tell the run by which comparisons it was judged."""
    if report.protocol_digest is not None:
        log_comparisons(report.protocol, report.protocol_digest, report.protocol_definition or "")
    for name, one in report.protocols.items():
        log_comparisons(name, one.identity.digest, one.identity.definition)
