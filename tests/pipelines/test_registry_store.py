"""What is asked of the registry, and what becomes of a registry that does not answer."""

import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines.errors import TrackingError
from pipelines.registry_store import by_alias


def test_no_model_and_no_alias_are_nobody(tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert by_alias(client, "campus", "champion") is None
    client.create_registered_model("campus")
    assert by_alias(client, "campus", "champion") is None
    version = client.create_model_version("campus", source=str(tmp_path))
    client.set_registered_model_alias("campus", "champion", version.version)
    found = by_alias(client, "campus", "champion")
    assert found is not None
    assert found.version == version.version


def test_a_registry_that_does_not_answer_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    client.create_registered_model("campus")
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("DROP TABLE registered_model_aliases")
    with pytest.raises(TrackingError, match=r"champion.*try again"):
        by_alias(client, "campus", "champion")
