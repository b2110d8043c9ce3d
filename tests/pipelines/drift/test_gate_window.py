"""A simulated morning leaves a window behind that agrees with its attempts."""

from pathlib import Path

import numpy as np
import pytest

from data.simulator import CampusWorld, SimulatorConfig
from pipelines.drift.store import read_window
from pipelines.errors import StageError
from pipelines.simulation.run import Options, run, simulate_bundle
from serving.bundle import open_bundle

CONFIG = SimulatorConfig.model_validate(
    {
        "seed": 5,
        "sessions": [
            {
                "name": "aula",
                "starts_at_hour": 9.0,
                "gates": [{"name": "east", "num_candidates": 5}],
            }
        ],
    }
)


def test_the_window_has_every_attempt_with_its_score(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "window.parquet"
    found = simulate_bundle(tiny_bundle, "campus", CampusWorld(), CONFIG, None, path)
    window, attempts = read_window(path), found.attempts
    assert window["decision"].tolist() == attempts["outcome"].tolist()
    assert window["at_s"].tolist() == attempts["at_s"].tolist()
    np.testing.assert_allclose(window["score"], attempts["similarity"])
    assert set(window["site"]) == {"aula/east"}
    compared = window["decision"] != "refused"
    assert compared.sum() > 2
    assert (window["quality"].notna() == compared).all()
    embeddings = np.stack(list(window.loc[compared, "embedding"]))
    assert embeddings.shape[1] == open_bundle(tiny_bundle).release.embedding_dim
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3)


def test_a_server_gives_no_window(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="--window needs a bundle"):
        run(Options(url="http://127.0.0.1:1", window=tmp_path / "w.parquet"), tmp_path)
