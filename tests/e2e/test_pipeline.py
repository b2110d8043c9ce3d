"""`dvc repro` for real: from nothing to a registered model, then only what changed."""

import json
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pandas as pd
import pytest
from mlflow import MlflowClient

from data.files import read_json
from data.manifest import CURATED_SCHEMA, read_manifest
from data.splits import family_leaks
from pipelines.layout import Layout
from pipelines.lineage import lineage_sha256
from pipelines.stage import STAGES
from pipelines.tracking import EXPERIMENT, read_run_record
from serving.bundle import open_bundle
from tests.e2e.conftest import Workspace

OUTPUTS = {
    "ingest": "artifacts/ingest",
    "align": "artifacts/align",
    "train": "artifacts/train",
    "export": "artifacts/candidate",
}


_OTHER_STAGES = sorted(set(OUTPUTS) - {"align"})
"""Their kills take minutes; half-written files are left out the same way everywhere."""


def _ran(output: str) -> list[str]:
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def test_everything_stands_after_one_command(campus: Workspace) -> None:
    layout = Layout(campus.root)
    bundle = open_bundle(layout.release)
    assert bundle.release.gate is not None
    assert bundle.release.gate.verdict == "pass"
    assert set(bundle.release.operating_points) == {"fmr_1e-1", "fmr_5e-2"}
    provenance = bundle.release.provenance
    assert provenance is not None
    assert provenance.mlflow_run_id == read_run_record(layout.run).mlflow_run_id
    assert provenance.lineage_sha256 == lineage_sha256(campus.root)


def test_no_family_is_in_two_splits(campus: Workspace) -> None:
    table = read_manifest(Layout(campus.root).curated_manifest, CURATED_SCHEMA)
    assert set(table["split"]) == {"train", "calibration", "test"}
    assert family_leaks(table) == []


def test_one_mlflow_run_holds_the_whole_story(campus: Workspace) -> None:
    client = MlflowClient(f"sqlite:///{campus.root}/var/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["train.epochs"] == "2"
    assert run.data.tags["examgate.gate"] == "pass"
    assert {"overall/auc", "parity/cosine_min", "loss"} <= set(run.data.metrics)
    assert any(name.startswith("system/") for name in run.data.metrics)
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 2
    files = {f.path for f in client.list_artifacts(run.info.run_id, "evaluation")}
    names = ("report.json", "roc.png", "slices.png", "failure_modes.png")
    assert {f"evaluation/{name}" for name in names} <= files


def test_second_repro_does_nothing_and_says_so(campus: Workspace) -> None:
    result = campus.run("dvc", "repro")
    assert "Data and pipelines are up to date" in result.stdout
    assert _ran(result.stdout) == []


def test_metrics_and_plots_are_declared(campus: Workspace) -> None:
    metrics = json.loads(campus.run("dvc", "metrics", "show", "--json").stdout)
    shown = metrics[""]["data"]
    assert shown["reports/gate.json"]["data"]["verdict"] == "pass"
    campus.run("dvc", "plots", "show", "--out", "var/plots")
    page = (campus.root / "var/plots/index.html").read_text()
    titles = ("ROC on", "DET on", "Scores of", "Training", "FNMR by slice", "Known failure")
    for title in titles:
        assert title in page


def test_photo_is_compared_from_the_command_line(campus: Workspace) -> None:
    table = pd.read_parquet(Layout(campus.root).curated_manifest)
    photo = Layout(campus.root).photos / table[table["reject_reason"].isna()].iloc[0]["path"]
    result = campus.run("examgate", "compare", str(photo), str(photo))
    answer = json.loads(result.stdout)
    assert answer["is_same_person"] is True
    assert answer["similarity_score"] == pytest.approx(1, abs=1e-5)


def test_champion_is_served_from_the_registry(campus: Workspace) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    table = pd.read_parquet(Layout(campus.root).curated_manifest)
    path = table[table["reject_reason"].isna()].iloc[0]["path"]
    photo = (Layout(campus.root).photos / path).read_bytes()
    log = campus.root / "var/serve.log"
    with log.open("wb") as stream:
        command = campus.resolve(["examgate", "serve", "--port", str(port)])
        server = subprocess.Popen(
            command, cwd=campus.root, env=campus.environment(), stdout=stream, stderr=stream
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            _wait_until_ready(client, server, log)
            answer = client.post("/compare", files={"image1": photo, "image2": photo})
    finally:
        server.terminate()
        # uvicorn finishes what it has taken in, then lets the signal end the process.
        assert server.wait(30) == -signal.SIGTERM
        assert "Application shutdown complete" in log.read_text()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["is_same_person"] is True
    assert body["operating_point"] == "fmr_5e-2"
    assert body["model"]["version"] == "1"
    assert body["model"]["bundle_digest"] == open_bundle(Layout(campus.root).release).digest


def _wait_until_ready(client: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_another_policy_reruns_only_the_gate(campus: Workspace) -> None:
    try:
        campus.set_params({"gate.policy": "policies/strict.yaml"})
        assert _ran(campus.run("dvc", "repro").stdout) == ["gate"]
        assert "verdict" in campus.run("dvc", "metrics", "diff").stdout
        refused = campus.run("examgate", "register", check=False)
        assert refused.returncode == 1
        assert "NotReleasedError" in refused.stderr
        assert "gate.json" in refused.stderr
    finally:
        campus.set_params({"gate.policy": "policies/tiny.yaml"})
        # The run cache knows this state: it comes back without running anything.
        assert "is cached" in campus.run("dvc", "repro").stdout


def test_experiment_with_another_parameter(campus: Workspace) -> None:
    policy = "gate.policy=policies/spotless.yaml"  # one that no run before has judged by
    try:
        output = campus.run("dvc", "exp", "run", "--name", "spotless", "--set-param", policy).stdout
        assert _ran(output) == ["gate"]
        assert "spotless" in campus.run("dvc", "exp", "show", "--json").stdout
        verdict = read_json(Layout(campus.root).metrics("gate"))
        assert isinstance(verdict, dict)
        assert verdict["verdict"] == "fail"
    finally:
        campus.run("git", "checkout", "--", ".")
        campus.run("dvc", "checkout")


def test_unknown_key_is_refused_by_name(campus: Workspace) -> None:
    text = (campus.root / "params.yaml").read_text()
    try:
        (campus.root / "params.yaml").write_text(text.replace("epochs:", "epoch:"))
        result = campus.run("python", "-m", "pipelines", "curate", check=False)
    finally:
        (campus.root / "params.yaml").write_text(text)
    assert result.returncode == 1
    assert "train.epoch: Extra inputs are not permitted" in result.stderr


@pytest.mark.parametrize(
    "stage", ["align", *(pytest.param(s, marks=pytest.mark.slow) for s in _OTHER_STAGES)]
)
def test_killed_stage_leaves_nothing_half_written(campus: Workspace, stage: str) -> None:
    """SIGKILL, so that no handler can tidy up; the next run must not take the rest for whole."""
    output = campus.root / OUTPUTS[stage]
    _kill_half_way(campus, stage, output)
    # By force, because DVC's cache knows the finished result and would just put it back.
    again = campus.run("dvc", "repro", "--force", "--single-item", stage)
    assert _ran(again.stdout) == [stage]
    assert output.exists()
    assert not list(output.parent.glob(f".{output.name}.*.partial"))
    campus.run("dvc", "repro")
    assert open_bundle(Layout(campus.root).release).release.gate is not None
    assert "Data and pipelines are up to date" in campus.run("dvc", "repro").stdout


def _kill_half_way(campus: Workspace, stage: str, output: Path) -> None:
    """Kill a run of the stage before its output is there.

    How long a stage takes is the machine's affair: a kill that comes after the output has appeared
    proves nothing, so it is tried again, each time sooner.
    """
    for patience_s in (6.0, 3.0, 1.5, 0.7, 0.3):
        process = subprocess.Popen(
            campus.resolve(["dvc", "repro", "--force", "--single-item", stage]),
            cwd=campus.root,
            env=campus.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _wait_until_half_way(process, output, patience_s)
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait()
        if not output.exists():
            assert process.returncode == -signal.SIGKILL
            return
    raise AssertionError(f"{stage} could not be killed before its output was there")


def _wait_until_half_way(process: subprocess.Popen[bytes], output: Path, patience_s: float) -> None:
    """DVC removes the old output first; then the stage is killed once it writes, or computes."""
    deadline = time.monotonic() + 120
    while output.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    computes_until = time.monotonic() + patience_s
    while time.monotonic() < computes_until and process.poll() is None:
        if list(output.parent.glob(f".{output.name}.*.partial/**/*")):
            break
        time.sleep(0.02)
