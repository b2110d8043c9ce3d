"""Stage `evaluate`: score the exported bundle through the engine that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.failure_modes.registry import read_failure_modes
from data.files import whole_file, write_json
from data.manifest import CURATED_SCHEMA, read_manifest
from data.protocols.store import read_protocol
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate as judge_scores
from evaluation.evaluate import plot_tables
from evaluation.operating_points import OperatingPoint, operating_points
from evaluation.report import EvaluationReport
from evaluation.scores import ScoredSplit
from evaluation.tables import failure_mode_table, marked, protocol_table
from pipelines.degraded_photo import DegradeSettings
from pipelines.errors import StageError
from pipelines.failure_modes import provoke, with_selected
from pipelines.figures import draw_figures
from pipelines.judging import CALIBRATION, TestProtocol, read_further, read_headline
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.scoring import EmbeddedPhotos, embed_split, score_photos
from pipelines.tracking import log_figures, log_file, log_folder, read_run_record, resume_run
from serving.bundle import Bundle, open_bundle
from serving.engine import Engine, EngineConfig, load_engine


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
    points = _points(table, engine, layout, config)
    headline = read_headline(layout.protocols, config)
    further = read_further(layout.protocols, config, bundle.release)
    photos = embed_split(table, "test", _wanted(headline, further), engine, layout)
    test = _headline_scores(headline, photos)
    report = judge_scores(test, points, config)
    modes = read_failure_modes()
    detects = params.align.landmarks == "detected"
    settings = DegradeSettings(layout.photos, bundle.folder, bundle.digest, detects)
    report = report.model_copy(
        update={
            "protocol_digest": headline.entry.digest,
            "protocols": {p.name: p.report(photos, points, config) for p in further},
            "failure_modes": provoke(modes, photos, settings, points, config),
        }
    )
    report = with_selected(report, modes)
    return Evaluation(report, _tables(test, report))


def _points(
    table: pd.DataFrame, engine: Engine, layout: Layout, config: EvaluationConfig
) -> dict[str, OperatingPoint]:
    protocol = read_protocol(layout.protocols, CALIBRATION)
    photos = embed_split(table, "calibration", None, engine, layout)
    return operating_points(score_photos(photos, protocol).impostor_scores, config.target_fmrs)


def _wanted(headline: TestProtocol, further: Sequence[TestProtocol]) -> set[str] | None:
    """Photos that some protocol takes; None, and so all, under the standard one."""
    if headline.name == "standard":
        return None
    return set(headline.image_ids).union(*(p.image_ids for p in further))


def _headline_scores(headline: TestProtocol, photos: EmbeddedPhotos) -> ScoredSplit:
    if headline.name == "standard":  # rejected photos of lone people count as failures too
        return score_photos(photos, headline.protocol)
    return headline.scored(photos)


def _tables(test: ScoredSplit, report: EvaluationReport) -> dict[str, pd.DataFrame]:
    tables = plot_tables(test, report)
    tables["slices_fnmr"] = fnmr_by_slice(tables["slices"], report.default_operating_point)
    tables["protocols"] = protocol_table(report)
    tables["failure_modes"] = failure_mode_table(report)
    return tables


def fnmr_by_slice(slices: pd.DataFrame, point: str) -> pd.DataFrame:
    """One bar for each slice that is large enough: FNMR at one operating point."""
    shown = slices[(slices["metric"] == "fnmr") & (slices["point"] == point) & ~slices["too_few"]]
    return shown[["slice", "value"]].assign(slice=marked(shown))


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
    release, align = bundle.release, params.align
    sealed = (release.detector, release.landmarks, release.face_policy, release.quality_policy)
    if sealed != (align.detector, align.landmarks, align.face_policy, align.quality_policy):
        raise StageError(
            f"{release.name} was made with another detector, landmarks, face or quality policy than"
            " params has now; `dvc repro align export`, or wrap the model again"
        )
