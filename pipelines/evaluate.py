"""Stage `evaluate`: score the exported bundle through the engine that serves it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.files import whole_file, write_json
from data.manifest import CURATED_SCHEMA, read_manifest
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate as judge_scores
from evaluation.evaluate import plot_tables
from evaluation.operating_points import operating_points
from evaluation.report import EvaluationReport
from pipelines.errors import StageError
from pipelines.figures import draw_figures
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.scoring import score
from pipelines.tracking import log_figures, log_file, log_folder, read_run_record, resume_run
from serving.bundle import Bundle, open_bundle
from serving.engine import EngineConfig, load_engine


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report and the tables behind its plots."""

    report: EvaluationReport
    tables: dict[str, pd.DataFrame]


def evaluate(params: Params, layout: Layout) -> None:
    """Write the report, the flat metrics and the plots; log them to the training run."""
    bundle = open_bundle(layout.candidate, require_released=False)
    found = evaluate_bundle(bundle, params, layout)
    write_report(found, layout.evaluation)
    write_plots(found, layout.plots)
    write_json(layout.metrics("evaluate"), found.report.metrics())
    with resume_run(layout.root, read_run_record(layout.run).mlflow_run_id):
        log_evaluation(found, layout.evaluation, layout.plots)


def evaluate_bundle(bundle: Bundle, params: Params, layout: Layout) -> Evaluation:
    """Choose thresholds on the calibration split, then judge the test split with them."""
    _check_same_faces(bundle, params)
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    config: EvaluationConfig = params.evaluate
    engine = load_engine(bundle, EngineConfig())
    calibration = score(table, "calibration", engine, layout, config)
    points = operating_points(calibration.impostor_scores, config.target_fmrs)
    test = score(table, "test", engine, layout, config)
    report = judge_scores(test, points, config)
    tables = plot_tables(test, report)
    tables["slices_fnmr"] = fnmr_by_slice(tables["slices"], report.default_operating_point)
    return Evaluation(report, tables)


def fnmr_by_slice(slices: pd.DataFrame, point: str) -> pd.DataFrame:
    """One bar for each slice that is large enough: FNMR at one operating point."""
    shown = (slices["metric"] == "fnmr") & (slices["point"] == point) & ~slices["too_few"]
    return slices.loc[shown, ["slice", "value"]]


def write_report(found: Evaluation, path: Path) -> None:
    """Write the full report as JSON."""
    write_json(path, found.report.model_dump(mode="json"))


def write_plots(found: Evaluation, folder: Path) -> None:
    """Write the tables that `dvc plots` draws."""
    for name, table in found.tables.items():
        with whole_file(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, float_format="%.6g")


def log_evaluation(found: Evaluation, report: Path, plots: Path) -> None:
    """Log metrics, report, plot tables and figures to the open MLflow run."""
    log_figures(found.report.metrics())
    log_file(report, "evaluation")
    log_folder(plots, "evaluation/plots")
    draw_figures(found.tables)


def _check_same_faces(bundle: Bundle, params: Params) -> None:
    """Thresholds hold only for the faces that this bundle's own detector finds."""
    release = bundle.release
    if (release.detector, release.face_policy) != (params.align.detector, params.align.face_policy):
        raise StageError(
            f"{release.name} was made with another detector or face policy than params.yaml has"
            " now; `dvc repro align export`, or wrap the model again"
        )
