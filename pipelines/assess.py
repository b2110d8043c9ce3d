"""Command `assess`: the pipeline's own evaluation and gate, on any candidate bundle.

It uses the data that the last `dvc repro` prepared, and writes below a folder of its own, so that
the pipeline's outputs stay what dvc.lock says.
"""

from pathlib import Path

from evaluation.gate import Decision
from pipelines.evaluate import evaluate_bundle, log_evaluation, write_plots, write_report
from pipelines.gate import judge, log_decision, say, seal_release, write_decision
from pipelines.layout import Layout
from pipelines.params import Params
from pipelines.tracking import start_wrapped_run
from serving.bundle import open_bundle


def assess(candidate: Path, output: Path, params: Params, root: Path) -> Decision:
    """Evaluate, judge and seal a candidate; returns the decision.

    Rules about parity with a checkpoint do not concern a bundle that has no checkpoint here.
    """
    layout = Layout(root, results=output)
    bundle = open_bundle(candidate, require_released=False)
    found = evaluate_bundle(bundle, params, layout)
    write_report(found, layout.evaluation)
    write_plots(found, layout.plots)
    rules = tuple(rule for rule in params.gate.rules if not rule.metric.startswith("parity/"))
    decision = judge(found.report, {}, params.gate.model_copy(update={"rules": rules}))
    write_decision(decision, layout.decision)
    seal_release(bundle, layout, None, layout.release)
    with start_wrapped_run(root, bundle.release.name):
        log_evaluation(found, layout.evaluation, layout.plots)
        log_decision(decision, layout.decision)
    say(decision)
    return decision
