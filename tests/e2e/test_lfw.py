"""The whole path on real faces: a known embedder must reach its known accuracy through our code."""

from pathlib import Path

import pytest

from data.errors import DataError
from data.files import read_json
from pipelines.environment import data_dir, weights_dir
from serving.bundle import open_bundle
from tests.e2e.conftest import ROOT, copy_project


@pytest.mark.slow
@pytest.mark.real_faces
@pytest.mark.timeout(3600)
def test_wrapped_mobilefacenet_reaches_its_published_accuracy(tmp_path: Path) -> None:
    try:
        surroundings = {
            "EXAMGATE_DATA_DIR": str(data_dir(ROOT)),
            "EXAMGATE_WEIGHTS_DIR": str(weights_dir(ROOT)),
        }
    except DataError as error:
        pytest.skip(str(error))
    workspace = copy_project(tmp_path / "examgate")
    workspace.commit("lfw")
    workspace.run("examgate", "recipe", "params/lfw.yaml")
    workspace.run("dvc", "repro", "curate", env=surroundings, timeout_s=1800)
    wrap = ("examgate", "models", "wrap", "mobilefacenet_foamliu", "--output", "var/wrapped")
    workspace.run(*wrap, env=surroundings)
    workspace.run("examgate", "assess", "var/wrapped", "--output", "var/assessed", timeout_s=1800)
    report = read_json(tmp_path / "examgate/var/assessed/artifacts/evaluate/report.json")
    assert isinstance(report, dict)
    assert report["tenfold"]["mean"] >= 0.993
    open_bundle(tmp_path / "examgate/var/assessed/artifacts/release")
