"""The model in force beside the candidate: fetched by digest, and scored on identical pairs."""

from pathlib import Path

import pandas as pd

from evaluation.champion.comparison import (
    ChampionPin,
    Comparison,
    ComparisonSettings,
    ModelScores,
    compare_models,
)
from evaluation.config import EvaluationConfig
from evaluation.evaluate import config_slices
from pipelines.errors import ChampionError
from pipelines.judging import TestProtocol, calibration_scores, headline_scores
from pipelines.layout import Layout
from pipelines.params import AlignParams
from pipelines.registry_store import fetch_by_digest
from pipelines.scoring import embed_split
from serving.bundle import Bundle, open_bundle
from serving.engine import EngineConfig, load_engine
from serving.release import Release


def fetch_champion(pin: ChampionPin, layout: Layout) -> Bundle:
    """Bring the pinned bundle to `var/champions`, and open it by its digest.

    The pin stands in params.yaml, under git, and so vouches for it as a signature would; keys and
    trust differ between machines, and a stage must not.

    Raises `TrackingError` where the registry has no such bundle, `BundleError` where its bytes are
    not those of the digest, and `ChampionError` where it is another model than the pin names.
    """
    folder = layout.champions / pin.digest
    if not folder.exists():
        fetch_by_digest(layout.root, pin.name, pin.digest, folder)
    bundle = open_bundle(folder, expected_digest=pin.digest)
    if bundle.release.name != pin.name:
        raise ChampionError(
            f"evaluate.champion names {pin.name!r}, but its digest is that of"
            f" {bundle.release.name!r}; `examgate champion pin` writes both as they are"
        )
    return bundle


def open_champion(folder: Path) -> tuple[Bundle, ChampionPin]:
    """Open a bundle's folder as the champion, with the pin that says which it is."""
    bundle = open_bundle(folder, require_released=False)
    return bundle, ChampionPin(name=bundle.release.name, digest=bundle.digest)


def check_same_faces(champion: Bundle, align: AlignParams) -> None:
    """Raise `ChampionError` for a champion whose detector or policies are not those of params.

    The faces of this run are those of the candidate's detector; a champion would be judged on faces
    that it never sees in service.
    """
    name = difference_of_faces(champion.release, align)
    if name is not None:
        raise ChampionError(
            f"the champion {champion.release.name} {champion.digest[:12]} was made with another"
            f" {name} than align has now, so both models do not see the same faces; pin a champion"
            " made with this one (wrap the old weights again and register them), or set"
            " evaluate.champion: null"
        )


def difference_of_faces(release: Release, align: AlignParams) -> str | None:
    """Name what lets a bundle see other faces than `align` does now; None where nothing does."""
    names = ("detector", "landmarks", "face_policy", "quality_policy")
    return next((n for n in names if getattr(release, n) != getattr(align, n)), None)


def compare_with_champion(
    champion: tuple[Bundle, ChampionPin],
    candidate: ModelScores,
    headline: TestProtocol,
    table: pd.DataFrame,
    config: EvaluationConfig,
    layout: Layout,
) -> Comparison:
    """Score the very pairs of the candidate with the champion's engine, and compare."""
    bundle, pin = champion
    engine = load_engine(bundle, EngineConfig())
    wanted = None if headline.name == "standard" else headline.image_ids
    photos = embed_split(table, "test", wanted, engine, layout)
    scores = ModelScores(
        calibration_scores(table, engine, layout), headline_scores(headline, photos)
    )
    settings = ComparisonSettings(
        confidence=config.confidence,
        min_impostor_pairs=config.min_impostor_pairs,
        min_genuine_pairs=config.min_genuine_pairs,
        flip_point=config.default_operating_point,
        bootstrap=config.bootstrap,
    )
    slices = config_slices(candidate.test, config)
    return compare_models(candidate, scores, pin, config.target_fmrs, slices, settings)
