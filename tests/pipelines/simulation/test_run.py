"""`examgate simulate`: a morning through the real verifier, and onto a real server on loopback."""

import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from data.errors import ManifestError
from data.simulator import CampusWorld, SimulatorConfig
from data.simulator.photos import PhotoStore
from data.simulator.tables import ATTEMPT_SCHEMA, TRANSACTION_SCHEMA
from pipelines.cli import app
from pipelines.errors import LoadError, StageError
from pipelines.layout import Layout
from pipelines.simulation.open_loop import LoadConfig
from pipelines.simulation.run import (
    Options,
    make_world,
    run,
    simulate_bundle,
    simulate_load,
    write_simulation,
)
from pipelines.simulation.summary import summary
from serving.app import create_app, server_settings
from serving.bundle import open_bundle
from serving.config import ServerConfig
from serving.verifier import FaceVerifier
from tests.loopback import running

RunServer = Callable[[ServerConfig], AbstractContextManager[str]]
CONFIG = SimulatorConfig.model_validate(
    {
        "seed": 5,
        "claims": {"impostor_share": 0.2, "look_alike_share": 0.2},
        "sessions": [
            {
                "name": "aula",
                "starts_at_hour": 9.0,
                "gates": [
                    {"name": "east", "num_candidates": 5},
                    {"name": "west", "num_candidates": 4},
                ],
            }
        ],
    }
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered once for all tests."""
    return tmp_path_factory.mktemp("photos")


@pytest.fixture(scope="module")
def run_server(tiny_bundle: Path) -> RunServer:
    """A server of the tiny bundle on a free loopback port; gives its address."""
    verifier = FaceVerifier.from_bundle(open_bundle(tiny_bundle), ServerConfig(threads=1))

    def started(config: ServerConfig) -> AbstractContextManager[str]:
        return running(server_settings(create_app(verifier, config), config))

    return started


def test_the_bundle_decides_what_its_verifier_says(tiny_bundle: Path, photos: Path) -> None:
    found = simulate_bundle(tiny_bundle, "campus", CampusWorld(), CONFIG, photos)
    assert found.report.rates.num_attempts == len(found.attempts)
    assert found.report.operating_point == "fmr_1e-3"
    verifier = FaceVerifier.from_bundle(open_bundle(tiny_bundle), ServerConfig(threads=1))
    store = PhotoStore(CampusWorld(), photos)
    compared = found.attempts[found.attempts["outcome"] != "refused"]
    assert len(compared) > 3
    frames = {c.transaction_id: c.conditions[0] for c in found.morning.present}
    for _, row in compared[compared["attempt"] == 1].head(3).iterrows():
        probe = CampusWorld().probe(row["presented_subject_id"], frames[row["transaction_id"]])
        answer = verifier.compare(store.reference(row["claimed_subject_id"]), probe)
        assert row["similarity"] == pytest.approx(answer.similarity, abs=1e-5)
        assert (row["outcome"] == "match") == answer.is_same_person


def test_the_command_writes_tables_figures_and_pictures(
    tiny_bundle: Path, photos: Path, tmp_path: Path
) -> None:
    files = []
    for name in ("one", "two"):
        out = tmp_path / name / "morning.parquet"
        plots = tmp_path / name / "plots"
        arguments = ["simulate", "--bundle", tiny_bundle, "--candidates", 4, "--photos", photos]
        arguments += ["--out", out, "--plots", plots, "--json"]
        answer = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert answer.exit_code == 0, answer.output
        files.append([out, out.with_suffix(".attempts.parquet"), out.with_suffix(".json")])
        assert json.loads(answer.stdout) == json.loads(files[-1][2].read_text())
        assert {path.read_bytes()[:4] for path in plots.iterdir()} == {b"\x89PNG"}
        assert {path.name for path in plots.iterdir()} == {"arrivals.png", "queue.png"}
    for one, two in zip(*files, strict=True):
        assert one.read_bytes() == two.read_bytes()
    TRANSACTION_SCHEMA.validate(pd.read_parquet(files[0][0]))
    ATTEMPT_SCHEMA.validate(pd.read_parquet(files[0][1]))


def test_a_server_is_asked_on_the_clock_and_answers_as_the_bundle_does(
    run_server: RunServer, tiny_bundle: Path, photos: Path
) -> None:
    load = LoadConfig(speedup=700)
    with run_server(ServerConfig(threads=1)) as url:
        found = simulate_load(url, load, "campus", CampusWorld(), CONFIG, photos)
    report = found.report.load
    assert report is not None
    assert report.num_answered == report.num_requests == len(found.attempts)
    assert report.latency_ms.n == report.num_requests
    assert report.latency_ms.p50 is not None
    assert report.latency_from_sending_ms.p50 is not None
    assert report.latency_ms.p50 >= report.latency_from_sending_ms.p50 > 0
    assert report.problems == found.report.rates.refusals
    alone = simulate_bundle(tiny_bundle, "campus", CampusWorld(), CONFIG, photos)
    columns = ["transaction_id", "ending", "num_attempts"]
    pd.testing.assert_frame_equal(found.transactions[columns], alone.transactions[columns])
    assert "latency, ms" in summary(found.report)
    assert "latency" not in summary(alone.report)


def test_a_busy_server_is_asked_again_and_then_a_person_decides(
    run_server: RunServer, photos: Path
) -> None:
    small = ServerConfig(threads=1, concurrency=1, max_waiting=0)
    load = LoadConfig(speedup=1e6, busy_retries=0)
    with run_server(small) as url:
        given_up = simulate_load(url, load, "campus", CampusWorld(), CONFIG, photos)
        patient = load.model_copy(update={"busy_retries": 4})
        served = simulate_load(url, patient, "campus", CampusWorld(), CONFIG, photos)
    assert given_up.report.load is not None
    assert given_up.report.load.problems["overloaded"] == given_up.report.load.num_busy > 0
    refused = given_up.attempts[given_up.attempts["reason"] == "overloaded"]
    endings = given_up.transactions.set_index("transaction_id")["ending"]
    assert set(endings[refused["transaction_id"]]) == {"desk"}
    assert served.report.load is not None
    assert served.report.load.num_busy > 0
    assert served.report.load.num_answered > given_up.report.load.num_answered


def test_a_server_that_is_not_there_is_named(photos: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "gate.example", "http://"):
        with pytest.raises(LoadError, match="start the server first"):
            simulate_load(url, LoadConfig(), "campus", CampusWorld(), CONFIG, photos)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (Options(bundle=Path("b"), url="http://127.0.0.1:1"), "--bundle and --url"),
        (Options(url="http://127.0.0.1:1", speedup=0), "--speedup"),
        (Options(world="moon"), "moon"),
        (Options(world="photos", split="exam"), "exam"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: Options, word: str
) -> None:
    with pytest.raises(StageError, match=word):
        run(options, tmp_path)


def test_photos_need_a_curated_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.parquet"):
        make_world("photos", Layout(tmp_path), "test")


def test_transactions_are_parquet(tiny_bundle: Path, photos: Path, tmp_path: Path) -> None:
    small = CONFIG.with_candidates(2)
    found = simulate_bundle(tiny_bundle, "campus", CampusWorld(), small, photos)
    with pytest.raises(StageError, match=r"\.parquet"):
        write_simulation(found, tmp_path / "morning.csv")
    assert not list(tmp_path.iterdir())
