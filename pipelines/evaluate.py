"""Stage `evaluate`: score the exported bundle through the engine that serves it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data.behaviour.registry import read_behaviour
from data.failure_modes.registry import read_failure_modes
from data.files import write_json
from data.manifest import CURATED_SCHEMA, read_manifest
from evaluation.champion.comparison import ChampionPin, ModelScores
from evaluation.evaluate import config_slices
from evaluation.evaluate import evaluate as judge_scores
from evaluation.gallery import worst_pairs
from evaluation.measures.ownership import owner_table
from evaluation.operating_points import OperatingPoint, operating_points
from evaluation.scores import ScoredSplit
from pipelines.behaviour import try_behaviour
from pipelines.champion import (
    check_same_faces,
    compare_with_champion,
    difference_of_faces,
    fetch_champion,
)
from pipelines.degraded_photo import DegradeSettings
from pipelines.drift.reference_window import reference_window
from pipelines.engine_latency import engine_latency
from pipelines.errors import StageError
from pipelines.evaluation_record import (
    Evaluation,
    drawn_tables,
    log_evaluation,
    write_evaluation,
)
from pipelines.failure_modes import provoke, with_selected
from pipelines.judging import (
    TestProtocol,
    calibration_digest,
    calibration_scores,
    headline_scores,
    read_further,
    read_headline,
)
from pipelines.layout import Layout
from pipelines.morning import live_through
from pipelines.params import Params
from pipelines.scoring import EmbeddedPhotos, embed_split
from pipelines.tracking import read_run_record, resume_run
from serving.bundle import Bundle, open_bundle
from serving.engine import Engine, EngineConfig, load_engine

Champion = tuple[Bundle, ChampionPin]


def evaluate(params: Params, layout: Layout) -> None:
    """Write the report, the flat metrics and the plots; log them to the training run."""
    bundle = open_bundle(layout.candidate, require_released=False)
    found = evaluate_bundle(bundle, params, layout)
    write_evaluation(found, layout)
    write_json(layout.metrics("evaluate"), found.report.metrics())
    with resume_run(layout.root, read_run_record(layout.run).mlflow_run_id):
        log_evaluation(found, layout)


def evaluate_bundle(
    bundle: Bundle, params: Params, layout: Layout, champion: Champion | None = None
) -> Evaluation:
    """Choose thresholds on the calibration split, then judge the test split with them.

    The `champion` to compare with is the one given, else the one that params pins, else none.
    """
    champion = champion or _pinned(params, layout)
    _check_same_faces(bundle, params)
    if champion is not None:
        check_same_faces(champion[0], params.align)
    config = params.evaluate
    scored = _score(bundle, params, layout)
    points, photos, test = scored.points, scored.photos, scored.test
    report = judge_scores(test, points, config, scored.calibration)
    compared = champion and compare_with_champion(
        champion,
        ModelScores(scored.calibration, test),
        scored.headline,
        scored.table,
        config,
        layout,
    )
    modes = read_failure_modes()
    settings = _degrading(bundle, params, layout)
    behaviour = try_behaviour(read_behaviour(), photos, settings, points, config)
    report = report.model_copy(
        update={
            "bundle_digest": bundle.digest,
            "calibration_digest": calibration_digest(layout.protocols),
            "protocol_digest": scored.headline.entry.digest,
            "protocol_definition": scored.headline.entry.definition,
            "champion": None if compared is None else compared.report,
            "protocols": {p.name: p.report(photos, points, config) for p in scored.further},
            "failure_modes": provoke(modes, photos, settings, points, config),
            "behaviour": behaviour.reports,
            "transactions": live_through(bundle, points, config),
        }
    )
    report = with_selected(report, modes)
    threshold = points[config.default_operating_point].threshold
    return Evaluation(
        report=report,
        tables=drawn_tables(test, report),
        worst_pairs=worst_pairs(test, threshold, config_slices(test, config)),
        owners=owner_table(test, threshold),
        behaviour_flips=behaviour.flips,
        champion_flips=None if compared is None else compared.flips,
        reference_window=reference_window(photos, threshold),
        latency=engine_latency(
            photos.table, layout.photos, scored.engine, config.latency_photos, config.confidence
        ),
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    """What a model says to the comparisons of both splits, before anything is judged."""

    engine: Engine
    table: pd.DataFrame
    """The curated manifest."""
    headline: TestProtocol
    further: Sequence[TestProtocol]
    calibration: ScoredSplit
    points: dict[str, OperatingPoint]
    photos: EmbeddedPhotos
    """Of the test split."""
    test: ScoredSplit


def _score(bundle: Bundle, params: Params, layout: Layout) -> _Scored:
    config = params.evaluate
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    headline = read_headline(layout.protocols, config)
    further = read_further(layout.protocols, config, bundle.release)
    engine = load_engine(bundle, EngineConfig())
    calibration = calibration_scores(table, engine, layout)
    photos = embed_split(table, "test", _wanted(headline, further), engine, layout)
    return _Scored(
        engine=engine,
        table=table,
        headline=headline,
        further=further,
        calibration=calibration,
        points=operating_points(calibration.impostor_scores, config.target_fmrs),
        photos=photos,
        test=headline_scores(headline, photos),
    )


def _wanted(headline: TestProtocol, further: Sequence[TestProtocol]) -> set[str] | None:
    """Photos that some protocol takes; None, and so all, under the standard one."""
    if headline.name == "standard":
        return None
    return set(headline.image_ids).union(*(p.image_ids for p in further))


def _degrading(bundle: Bundle, params: Params, layout: Layout) -> DegradeSettings:
    detects = params.align.landmarks == "detected"
    return DegradeSettings(layout.photos, bundle.folder, bundle.digest, detects)


def _pinned(params: Params, layout: Layout) -> Champion | None:
    pin = params.evaluate.champion
    return None if pin is None else (fetch_champion(pin, layout), pin)


def _check_same_faces(bundle: Bundle, params: Params) -> None:
    """Thresholds hold only for the faces that this bundle's own detector finds."""
    if difference_of_faces(bundle.release, params.align) is not None:
        raise StageError(
            f"{bundle.release.name} was made with another detector, landmarks, face or quality"
            " policy than params has now; `dvc repro align export`, or wrap the model again"
        )
