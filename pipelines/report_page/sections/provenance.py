"""What was tested, and the digests by which every figure can be traced."""

from collections.abc import Iterator

from pipelines.report_page.blocks import Block, Cell, Facts, Section
from pipelines.report_page.inputs import Inputs
from pipelines.report_page.numbers import DASH, count

Named = tuple[str, Cell]


def provenance(inputs: Inputs) -> Section:
    """Digests of bundle, comparisons, thresholds, policy, code and data."""
    blocks: list[Block] = [Facts("Digests (SHA-256)", list(_digests(inputs)))]
    blocks.append(Facts("The model", list(_model(inputs))))
    return Section(
        "provenance",
        "Provenance",
        "Whoever has the same files can recompute each of these. A figure above belongs to this"
        " bundle on these comparisons, and to nothing else.",
        blocks,
    )


def _digests(inputs: Inputs) -> Iterator[Named]:
    for name, digest in inputs.digests.items():
        yield name, Cell(digest or DASH, code=True)
    report, decision = inputs.report, inputs.decision
    yield "candidate bundle", Cell(report.bundle_digest or DASH, code=True)
    yield f"policy {decision.policy.name}", Cell(decision.policy.digest, code=True)
    if decision.champion is not None:
        yield f"champion {decision.champion.name}", Cell(decision.champion.digest, code=True)
    yield "calibration comparisons", Cell(report.calibration_digest or DASH, code=True)
    yield "headline comparisons", Cell(report.protocol_digest or DASH, code=True)
    for name, one in report.protocols.items():
        yield f"comparisons: {name}", Cell(one.identity.digest, code=True)
    if inputs.release is not None and inputs.release.provenance is not None:
        made = inputs.release.provenance
        yield "weights", Cell(made.checkpoint_sha256, code=True)
        yield "training data", Cell(made.data_sha256, code=True)
        yield "parameters of training", Cell(made.params_sha256, code=True)
        yield "lineage (dvc.lock before the gate)", Cell(made.lineage_sha256 or DASH, code=True)


def _model(inputs: Inputs) -> Iterator[Named]:
    release = inputs.release
    if release is None:
        yield "release", Cell("not sealed")
        return
    yield "name", Cell(release.name)
    yield "architecture", Cell(f"{release.architecture}, {count(release.embedding_dim)} numbers")
    yield "source", Cell(release.source)
    yield "licence", Cell(release.licence)
    yield "detector", Cell(f"{release.detector.name}, landmarks {release.landmarks}")
    if release.provenance is not None:
        yield "git commit of training", Cell(release.provenance.git_commit, code=True)
        yield "MLflow run", Cell(release.provenance.mlflow_run_id, code=True)
