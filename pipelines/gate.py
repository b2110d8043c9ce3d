"""Stage `gate`: a verdict with its reasons, and the bundle sealed with thresholds and verdict."""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path

import mlflow

from data.files import read_json, sha256_file, whole_folder, write_json
from evaluation.gate.decide import Candidate, Decision, GatePolicy, decide
from evaluation.report import EvaluationReport
from pipelines.gate_evidence import gather
from pipelines.layout import Layout
from pipelines.lineage import lineage_sha256
from pipelines.params import Params
from pipelines.policy import read_policy
from pipelines.report_page.page import write_page
from pipelines.tracking import log_file, read_run_record, resume_run
from serving.bundle import Bundle, open_bundle, seal
from serving.release import RELEASE_FILE, GateSummary, OperatingPoint, Release

_log = logging.getLogger(__name__)
REPORTS_FOLDER = "reports"


def gate(params: Params, layout: Layout) -> None:
    """Write the decision and `artifacts/release`, whatever the verdict; `register` refuses a no."""
    candidate = open_bundle(layout.candidate, require_released=False)
    report = EvaluationReport.model_validate(read_json(layout.evaluation))
    found = gather(report, candidate.digest, layout, has_checkpoint=True)
    decision = judge(report, found, read_policy(layout.root, params.gate.policy))
    write_decision(decision, layout.decision)
    seal_release(candidate, layout, lineage_sha256(layout.root), layout.release)
    write_json(layout.metrics("gate"), counts(decision))
    # Not into the release, which goes wherever the model goes: the page shows faces of people who
    # agreed to research, and names them.
    page = write_page(layout)
    with resume_run(layout.root, read_run_record(layout.run).mlflow_run_id):
        log_decision(decision, layout.decision, page)
    say(decision)


def judge(
    report: EvaluationReport,
    found: Candidate,
    policy: GatePolicy,
    not_applicable: Mapping[str, str] | None = None,
) -> Decision:
    """Decide on everything that was found, and on the comparison with the champion."""
    return decide(found, report.champion, policy, not_applicable)


def write_decision(decision: Decision, path: Path) -> None:
    """Write the decision with all its lines."""
    write_json(path, decision.model_dump(mode="json"))


def seal_release(
    candidate: Bundle, layout: Layout, lineage: str | None, destination: Path
) -> Release:
    """Copy the candidate, add the reports, and seal it with thresholds and verdict."""
    report = EvaluationReport.model_validate(read_json(layout.evaluation))
    decision = Decision.model_validate(read_json(layout.decision))
    draft = candidate.release
    provenance = draft.provenance
    if provenance is not None:
        provenance = provenance.model_copy(update={"lineage_sha256": lineage})
    with whole_folder(destination) as folder:
        shutil.copytree(candidate.folder, folder, dirs_exist_ok=True)
        (folder / RELEASE_FILE).unlink()
        reports = folder / REPORTS_FOLDER
        reports.mkdir()
        shutil.copyfile(layout.evaluation, reports / "evaluation.json")
        shutil.copyfile(layout.decision, reports / "gate.json")
        return seal(
            folder,
            draft.revised(
                provenance=provenance,
                operating_points={
                    name: OperatingPoint(**point.operating_point.model_dump())
                    for name, point in report.points.items()
                },
                default_operating_point=report.default_operating_point,
                evaluation_sha256=sha256_file(layout.evaluation),
                gate=GateSummary(verdict=decision.verdict, sha256=sha256_file(layout.decision)),
            ),
        )


def counts(decision: Decision) -> dict[str, object]:
    """Verdict and how many rules said what, for `dvc metrics`."""
    verdicts: list[str] = [line.verdict for line in decision.lines]
    kinds = ("pass", "fail", "inconclusive", "not_applicable")
    return {"verdict": decision.verdict, **{f"num_{kind}": verdicts.count(kind) for kind in kinds}}


def log_decision(decision: Decision, path: Path, page: Path) -> None:
    """Log decision and page to the open MLflow run; the verdict is also a tag, to filter by."""
    log_file(path, "gate")
    log_file(page, "gate")
    mlflow.set_tag("examgate.gate", decision.verdict)


def say(decision: Decision) -> None:
    """Print the policy, a line for each rule, and the verdict."""
    policy = decision.policy
    _log.info("policy %s %s", policy.name, policy.digest[:12])
    for line in decision.lines:
        where = f"{line.metric}[{line.slice}]" if line.slice else line.metric
        more = f"; {line.samples_needed:,} more are needed" if line.samples_needed else ""
        _log.info("  %-12s %-34s n=%s  %s%s", line.verdict, where, line.n, line.reason, more)
    _log.info("gate: %s", decision.verdict)
