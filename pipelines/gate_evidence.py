"""What the gate judges: every measurement of a model, with the digests of what it rests on."""

from pathlib import Path
from typing import Final

from data.files import read_json, sha256_file
from evaluation.gate.evidence import Candidate
from evaluation.measurement import Measurement
from evaluation.measures.latency import LatencyReport
from evaluation.report import EvaluationReport
from pipelines.errors import StageError
from pipelines.layout import Layout
from pipelines.parity import ParityFigures

_PHOTOS_OF_ITS_OWN: Final = ("failure_modes/", "behaviour/")
"""Measured on photos that were changed, not on the pairs of a protocol."""


def gather(
    report: EvaluationReport, bundle_digest: str, layout: Layout, *, has_checkpoint: bool
) -> Candidate:
    """Put together what `evaluate` and `export` measured of one bundle.

    Raises `StageError` where the report is that of another bundle.
    """
    if report.bundle_digest != bundle_digest:
        raise StageError(
            f"{layout.evaluation} judges the bundle {report.bundle_digest}, not {bundle_digest};"
            " `dvc repro evaluate`"
        )
    measurements = dict(report.measurements())
    sources = _sources(report, bundle_digest, layout.evaluation)
    own = {"bundle": bundle_digest}
    if layout.latency.exists():
        found = LatencyReport.model_validate(read_json(layout.latency))
        measurements |= dict(found.measurements("latency"))
        sources["latency/"] = {**own, "latency": sha256_file(layout.latency)}
    if has_checkpoint:
        path = layout.metrics("export")
        measurements |= _parity(path)
        sources["parity/"] = {**own, "export": sha256_file(path)}
    return Candidate(measurements, sources)


def _sources(report: EvaluationReport, bundle: str, path: Path) -> dict[str, dict[str, str]]:
    """Digests for each beginning of a key."""
    own = {"bundle": bundle, "report": sha256_file(path)}
    if report.calibration_digest is not None:
        own["calibration"] = report.calibration_digest
    headline = own if report.protocol_digest is None else own | {"protocol": report.protocol_digest}
    further = {
        f"protocol/{name}/": own | {"protocol": protocol.identity.digest}
        for name, protocol in report.protocols.items()
    }
    return {"": headline, **further, **dict.fromkeys(_PHOTOS_OF_ITS_OWN, own)}


def _parity(path: Path) -> dict[str, Measurement]:
    figures = ParityFigures.model_validate(read_json(path))
    return {
        "parity/cosine_min": Measurement(value=figures.cosine_min, n=figures.num_photos),
        "parity/cosine_mean": Measurement(value=figures.cosine_mean, n=figures.num_photos),
    }
