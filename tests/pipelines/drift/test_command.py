"""`examgate drift`: from windows as Parquet to report, page and metrics."""

import json
import re
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from data.errors import ManifestError
from data.quality import Quality
from evaluation.drift.report import DriftReport
from evaluation.drift.window import WINDOW_QUALITY
from pipelines.cli import app
from pipelines.drift.metric_names import DRIFT_METRIC_NAMES
from pipelines.drift.reference_window import reference_window
from pipelines.drift.store import read_window, write_window
from pipelines.scoring import EmbeddedPhotos
from tests.drift_windows import traffic

SITES = {"north": 0.5, "south": 0.5}
CONFIG = "columns: [score]\nnum_resamples: 199\n"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    windows = {
        "reference": traffic(rng, 400, sites=SITES, embedding_dim=8),
        "calm": traffic(rng, 200, sites=SITES, embedding_dim=8),
        "dim": traffic(rng, 200, sites=SITES, embedding_dim=8, shift=-0.1),
    }
    for name, table in windows.items():
        write_window(table, tmp_path / f"{name}.parquet")
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def _run(folder: Path, *current: str, further: tuple[str, ...] = ()) -> tuple[int, str]:
    arguments = ["drift", "--reference", folder / "reference.parquet"]
    for name in current:
        arguments += ["--current", folder / f"{name}.parquet"]
    arguments += ["--output", folder / "out", "--config", folder / "config.yaml", *further]
    answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return answer.exit_code, answer.output


def test_two_windows_make_a_report_a_page_and_metrics(written: Path) -> None:
    status, said = _run(written, "calm", "dim")
    assert status == 3, said
    assert said.startswith("drift: drift\n  all: drift")
    out = written / "out"
    report = DriftReport.model_validate_json((out / "report.json").read_text())
    assert len(report.windows) == 2
    families = {
        family.name: family.samples
        for family in text_string_to_metric_families((out / "drift.prom").read_text())
    }
    assert set(families) == set(DRIFT_METRIC_NAMES)
    holds = {
        (sample.labels["slice"], sample.labels["verdict"])
        for sample in families["examgate_drift_verdict"]
        if sample.value
    }
    assert {("", "drift"), ("all", "drift")} <= holds
    assert len(holds) == 1 + len(report.slices)
    assert set(json.loads((out / "evidently.json").read_text())) == set(report.slices)


def test_the_page_needs_nothing_but_itself(written: Path) -> None:
    status, said = _run(written, "calm")
    assert status == 0, said
    page = (written / "out/drift.html").read_text()
    assert "Calibrated p of drift, site=north" in page
    loaded = re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?([^"'> ]+)""", page)
    assert not [address for address in loaded if not address.startswith("data:")]
    assert str(written) not in page


def test_a_run_of_its_own_in_mlflow(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{written / 'mlflow.db'}")
    status, said = _run(written, "dim", further=("--mlflow",))
    assert status == 3, said
    run = mlflow.get_run(said.split("MLflow run ")[1].strip())
    assert run.data.tags["examgate.drift"] == "drift"
    assert run.data.metrics["drift/site_north/score/ks_p"] == pytest.approx(1 / 200)


def test_windows_come_back_as_they_were_written(written: Path) -> None:
    table = traffic(np.random.default_rng(3), 10, embedding_dim=4)
    table.loc[3, "embedding"] = None
    write_window(table, written / "again.parquet")
    again = read_window(written / "again.parquet")
    assert again["embedding"].isna().tolist() == [row == 3 for row in range(10)]
    np.testing.assert_allclose(again["embedding"][0], table["embedding"][0], rtol=1e-6)
    pd.testing.assert_frame_equal(again.drop(columns="embedding"), table.drop(columns="embedding"))
    with pytest.raises(ManifestError, match="cannot be read as a window"):
        read_window(written / "config.yaml")


def test_the_reference_is_the_gate_photos_against_the_photo_on_file() -> None:
    kinds = ["gate", "id_photo", "gate", "gate", "id_photo", "gate", "id_photo"]
    table = pd.DataFrame({"subject_id": list("aaabbbc"), "capture_kind": kinds})
    table[list(WINDOW_QUALITY)] = 50.0
    embeddings = np.eye(7, 2, dtype=np.float32) * 0 + np.array([0.6, 0.8], np.float32)
    embeddings[1] = [1, 0]
    usable = np.array([True, True, False, True, False, True, True])
    window = reference_window(EmbeddedPhotos(table, embeddings, usable), threshold=0.5)
    assert window["subject_id"].tolist() == ["a", "a"]  # nobody enrols b, and c never comes
    assert window["decision"].tolist() == ["match", "refused"]
    assert window["score"][0] == pytest.approx(0.6)
    assert set(WINDOW_QUALITY) <= set(Quality.__dataclass_fields__)


def test_where_no_photo_is_of_a_gate_the_first_is_on_file() -> None:
    table = pd.DataFrame({"subject_id": list("aab"), "capture_kind": [None, None, None]})
    table[list(WINDOW_QUALITY)] = 50.0
    photos = EmbeddedPhotos(table, np.tile(np.array([1, 0], np.float32), (3, 1)), np.ones(3, bool))
    window = reference_window(photos, threshold=0.5)
    assert window[["subject_id", "decision"]].to_numpy().tolist() == [["a", "match"]]
