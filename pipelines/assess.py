"""Command `assess`: the pipeline's own evaluation and gate, on any candidate bundle.

It uses the data that the last `dvc repro` prepared, and writes below a folder of its own, so that
the pipeline's outputs stay what dvc.lock says.
"""

from pathlib import Path
from typing import Final

from evaluation.gate.decide import Decision
from pipelines.champion import open_champion
from pipelines.evaluate import evaluate_bundle
from pipelines.evaluation_record import log_evaluation, write_evaluation
from pipelines.gate import judge, log_decision, say, seal_release, write_decision
from pipelines.gate_evidence import gather
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.policy import read_policy
from pipelines.report_page.page import write_page
from pipelines.tracking import start_wrapped_run
from serving.bundle import open_bundle

_NO_CHECKPOINT: Final = {"parity/": "a bundle alone has no checkpoint to be like"}


def assess(
    candidate: Path, output: Path, params: Params, root: Path, champion: Path | None = None
) -> Decision:
    """Evaluate, judge and seal a candidate; returns the decision.

    It is compared with the bundle in the folder `champion`, else with the one that params pins.
    Rules about parity with a checkpoint do not concern a bundle that has no checkpoint here.
    """
    layout = Layout(root, results=output)
    bundle = open_bundle(candidate, require_released=False)
    policy = read_policy(root, params.gate.policy)
    opponent = None if champion is None else open_champion(champion)
    found = evaluate_bundle(bundle, params, layout, opponent)
    write_evaluation(found, layout)
    evidence = gather(found.report, bundle.digest, layout, has_checkpoint=False)
    decision = judge(found.report, evidence, policy, _NO_CHECKPOINT)
    write_decision(decision, layout.decision)
    seal_release(bundle, layout, None, layout.release)
    page = write_page(layout)
    with start_wrapped_run(root, bundle.release.name):
        log_evaluation(found, layout)
        log_decision(decision, layout.decision, page)
    say(decision)
    return decision
