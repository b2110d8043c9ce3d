"""A real MLflow store on SQLite, fresh for each test; its tables are made once and copied."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.tracking import connect


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{store}").search_experiments()
    return store


@pytest.fixture
def client(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "var").mkdir()
    shutil.copyfile(empty_store, tmp_path / "var/mlflow.db")
    return connect(tmp_path)
