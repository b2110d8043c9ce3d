"""What the page is made of, read from the outputs of the stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from data.errors import DataError
from data.files import read_json, sha256_file
from data.manifest import CURATED_SCHEMA, read_manifest
from evaluation.gate.decision import Decision
from evaluation.measures.latency import LatencyReport
from evaluation.report import EvaluationReport
from pipelines.aligned_crops import open_aligned_crops
from pipelines.errors import PipelineError, StageError
from pipelines.layout import Layout
from pipelines.lineage import code_sha256
from pipelines.report_page.pictures import Album
from serving.bundle import open_bundle
from serving.release import Release
from training.errors import TrainingError
from training.loading.crop_sources import CropSource

_TABLES: Final = ("det", "scores")
_STAGES: Final = ("ingest", "align", "curate", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that the page shows; what may be absent is None or empty."""

    report: EvaluationReport
    decision: Decision
    release: Release | None
    """As sealed; None where the gate has not come so far."""
    tables: Mapping[str, pd.DataFrame]
    """Of the plots, by name."""
    worst_pairs: pd.DataFrame | None
    """`evaluation.gallery.COLUMNS`."""
    flips: pd.DataFrame | None
    """Comparisons that the champion decided otherwise."""
    latency: LatencyReport | None
    stages: Mapping[str, object]
    """Figures of the stages before `evaluate`, by stage."""
    digests: Mapping[str, str]
    """SHA-256 by what it is of."""
    album: Album


def read_inputs(layout: Layout) -> Inputs:
    """Read what `evaluate` and `gate` wrote, and whatever else is there to be shown.

    Raises `StageError` where report or decision are missing or are none; all else may be absent.
    """
    folder = layout.evaluation.parent
    release, bundle_digest = _release(layout)
    return Inputs(
        report=EvaluationReport.model_validate(_required(layout.evaluation, "evaluate")),
        decision=Decision.model_validate(_required(layout.decision, "gate")),
        release=release,
        tables={name: _csv(layout.plots / f"{name}.csv") for name in _TABLES},
        worst_pairs=_parquet(layout.worst_pairs),
        flips=_parquet(layout.champion_flips),
        latency=_latency(folder / "latency.json"),
        stages={name: _figures(Layout(layout.root).metrics(name)) for name in _STAGES},
        digests=_digests(layout, bundle_digest),
        album=_album(layout),
    )


def _required(path: Path, stage: str) -> object:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise StageError(f"{path}: cannot be read; `dvc repro {stage}`") from error


def _release(layout: Layout) -> tuple[Release | None, str]:
    if not layout.release.exists():
        return None, ""
    bundle = open_bundle(layout.release, require_released=False)
    return bundle.release, bundle.digest


def _digests(layout: Layout, bundle_digest: str) -> dict[str, str]:
    found = {"release bundle": bundle_digest}
    files = {
        "evaluation report": layout.evaluation,
        "gate decision": layout.decision,
        "curated manifest": layout.curated_manifest,
    }
    found |= {name: sha256_file(path) for name, path in files.items() if path.exists()}
    return {**found, "code that judged": code_sha256(layout.root)}


def _album(layout: Layout) -> Album:
    if not layout.curated_manifest.exists():
        return Album(None, pd.Series(dtype="int64"))
    table = read_manifest(layout.curated_manifest, CURATED_SCHEMA)
    return Album(_crops(layout), table.set_index("image_id")["crop_index"])


def _crops(layout: Layout) -> CropSource | None:
    try:
        return open_aligned_crops(layout)
    except (PipelineError, DataError, TrainingError):  # a verdict needs no pictures
        return None


def _latency(path: Path) -> LatencyReport | None:
    return LatencyReport.model_validate(read_json(path)) if path.exists() else None


def _figures(path: Path) -> Mapping[str, object]:
    found = read_json(path) if path.exists() else {}
    return found if isinstance(found, dict) else {}


def _csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def _parquet(path: Path) -> pd.DataFrame | None:
    return pd.read_parquet(path) if path.exists() else None
