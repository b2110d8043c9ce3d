"""What the gate is given: measurements of one bundle, each with the digests behind it."""

from pathlib import Path

import numpy as np
import pytest

from data.files import sha256_file, write_json
from evaluation.config import EvaluationConfig
from evaluation.evaluate import evaluate
from evaluation.groups.slices import SliceColumn
from evaluation.measures.latency import latency_report
from evaluation.operating_points import operating_points
from evaluation.report import EvaluationReport
from evaluation.suites.protocols import ProtocolIdentity, ProtocolReport
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from pipelines.errors import StageError
from pipelines.gate_evidence import gather
from pipelines.layout import Layout
from tests.evaluation.models import model

BUNDLE = "b" * 64
CONFIG = EvaluationConfig(
    target_fmrs=(1e-2,),
    default_operating_point="fmr_1e-2",
    bootstrap=SubjectBootstrap(replicates=100),
    slice_columns=(SliceColumn(column="gender"),),
)


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    scores = model(num_people=20)
    points = operating_points(scores.calibration.impostor_scores, CONFIG.target_fmrs)
    identity = ProtocolIdentity(digest="e" * 64, unit="image", definition="of the tests")
    return evaluate(scores.test, points, CONFIG).model_copy(
        update={
            "bundle_digest": BUNDLE,
            "protocol_digest": "d" * 64,
            "calibration_digest": "c" * 64,
            "protocols": {"domain": ProtocolReport(identity=identity)},
        }
    )


@pytest.fixture
def layout(tmp_path: Path, report: EvaluationReport) -> Layout:
    found = Layout(tmp_path)
    write_json(found.evaluation, report.model_dump(mode="json"))
    write_json(
        found.metrics("export"), {"num_photos": 64, "cosine_min": 0.9999, "cosine_mean": 1.0}
    )
    return found


def test_every_measurement_has_its_digests(report: EvaluationReport, layout: Layout) -> None:
    write_json(
        layout.latency,
        latency_report(np.arange(1.0, 101.0), "of the tests", 0.9).model_dump(mode="json"),
    )
    found = gather(report, BUNDLE, layout, has_checkpoint=True)
    own = {"bundle": BUNDLE, "report": sha256_file(layout.evaluation), "calibration": "c" * 64}
    headline = own | {"protocol": "d" * 64}
    assert found.sources_of("fmr_1e-2/fmr") == headline
    assert found.sources_of("slice/gender_feminine/fmr_1e-2/fmr") == headline
    assert found.sources_of("protocol/domain/fmr_1e-2/fmr") == own | {"protocol": "e" * 64}
    assert found.sources_of("failure_modes/blur/fnmr_rise") == own
    latency = {"bundle": BUNDLE, "latency": sha256_file(layout.latency)}
    assert found.sources_of("latency/p95_ms") == latency
    assert found.measurements["latency/p95_ms"].value == 95
    parity = {"bundle": BUNDLE, "export": sha256_file(layout.metrics("export"))}
    assert found.sources_of("parity/cosine_min") == parity
    assert found.measurements["parity/cosine_min"].value == 0.9999
    assert all(found.sources_of(key) for key in found.measurements)


def test_a_bundle_alone_has_no_parity(report: EvaluationReport, layout: Layout) -> None:
    found = gather(report, BUNDLE, layout, has_checkpoint=False)
    assert not any(key.startswith(("parity/", "latency/")) for key in found.measurements)


def test_a_report_of_another_bundle_is_refused(report: EvaluationReport, layout: Layout) -> None:
    for judged in ("a" * 64, None):
        other = report.model_copy(update={"bundle_digest": judged})
        with pytest.raises(StageError, match="dvc repro evaluate"):
            gather(other, BUNDLE, layout, has_checkpoint=True)
