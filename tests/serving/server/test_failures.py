"""When the server itself is at fault or has no room: say so, decide nothing, leak nothing."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from data.face import TEMPLATE_PX, DetectedFace, RgbU8
from data.images import ImageLimits
from serving.bundle import Bundle
from serving.comparison import ModelIdentity
from serving.config import ServerConfig
from serving.verifier import FaceVerifier, MatchRule

RunServer = Callable[[FaceVerifier, ServerConfig], AbstractContextManager[httpx.Client]]
DIM = 4
SECRET = "/srv/secret/embed.onnx"


class Portrait:
    """A detector for which every picture is a portrait of one face that fills it."""

    def detect(self, image_rgb_u8: RgbU8) -> list[DetectedFace]:
        height, width = image_rgb_u8.shape[:2]
        landmarks_px = TEMPLATE_PX * np.array([width / 112, height / 112], np.float32)
        return [DetectedFace((0.0, 0.0, float(width), float(height)), landmarks_px, 1.0)]

    def detect_batch(self, images_rgb_u8: Sequence[RgbU8]) -> list[list[DetectedFace]]:
        return [self.detect(image) for image in images_rgb_u8]


class ScriptedEngine:
    """An engine that gives what it is told to, or fails, or waits to be let go."""

    embedding_dim = DIM

    def __init__(self, embedding: list[float]) -> None:
        self.embedding = np.array([embedding], np.float32)
        self.failure: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def embed(
        self,
        image_rgb_u8: NDArray[np.uint8],  # noqa: ARG002 - the protocol's names
        landmarks_px: NDArray[np.float32],  # noqa: ARG002
    ) -> NDArray[np.float32]:
        if self.failure:
            raise self.failure
        self.may_go_on.wait()
        return self.embedding


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine([1.0, 0.0, 0.0, 0.0])
    yield engine
    engine.may_go_on.set()


@pytest.fixture
def scripted(engine: ScriptedEngine, opened_bundle: Bundle) -> FaceVerifier:
    return FaceVerifier(
        ModelIdentity("scripted", None, "0" * 64, opened_bundle.release.contract_id),
        MatchRule("fmr_1e-3", 0.5),
        Portrait(),
        engine,
        opened_bundle.release.face_policy,
        ImageLimits(),
    )


def _compare(client: httpx.Client, photo: bytes) -> httpx.Response:
    return client.post("/compare", files={"image1": photo, "image2": photo})


def _wait_for(client: httpx.Client, line: str) -> None:
    for _ in range(2000):
        if line in client.get("/metrics").text:
            return
    pytest.fail(f"never saw {line!r}")


@pytest.mark.parametrize("failure", [RuntimeError(SECRET), OSError(SECRET), MemoryError(SECRET)])
def test_a_failing_engine_is_a_problem_without_internals(
    run_server: RunServer,
    scripted: FaceVerifier,
    engine: ScriptedEngine,
    photos: dict[str, bytes],
    failure: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with run_server(scripted, ServerConfig()) as client:
        engine.failure = failure
        answer = _compare(client, photos["ada"])
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert SECRET not in answer.text
        assert "Traceback" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        engine.failure = None
        assert _compare(client, photos["ada"]).status_code == 200
    assert answer.json()["request_id"] in caplog.text
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    "embedding", [[0, 0, 0, 0], [2, 0, 0, 0], [float("nan"), 0, 0, 0], [float("inf"), 0, 0, 0]]
)
def test_an_embedding_that_is_no_unit_vector_decides_nothing(
    run_server: RunServer,
    scripted: FaceVerifier,
    engine: ScriptedEngine,
    photos: dict[str, bytes],
    embedding: list[float],
) -> None:
    with run_server(scripted, ServerConfig()) as client:
        engine.embedding = np.array([embedding], np.float32)
        answer = _compare(client, photos["ada"])
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_a_model_that_fails_its_self_test_is_not_ready_and_decides_nothing(
    run_server: RunServer, scripted: FaceVerifier, engine: ScriptedEngine, photos: dict[str, bytes]
) -> None:
    engine.failure = RuntimeError(SECRET)
    with run_server(scripted, ServerConfig(self_test_interval_s=0)) as client:
        for answer in (client.get("/readyz"), _compare(client, photos["ada"])):
            assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
            assert int(answer.headers["Retry-After"]) >= 1
            assert SECRET not in answer.text
        assert client.get("/healthz").status_code == 200
        assert "examgate_ready 0.0" in client.get("/metrics").text
        engine.failure = None
        assert client.get("/readyz").status_code == 200
        assert _compare(client, photos["ada"]).status_code == 200


def test_readiness_trusts_a_fresh_self_test(
    run_server: RunServer, scripted: FaceVerifier, engine: ScriptedEngine
) -> None:
    with run_server(scripted, ServerConfig(self_test_interval_s=1000)) as client:
        engine.failure = RuntimeError(SECRET)
        assert client.get("/readyz").status_code == 200


def test_beyond_the_queue_callers_are_sent_away_and_the_loop_is_never_blocked(
    run_server: RunServer, scripted: FaceVerifier, engine: ScriptedEngine, photos: dict[str, bytes]
) -> None:
    config = ServerConfig(concurrency=1, max_waiting=2, retry_after_s=3)
    with run_server(scripted, config) as client, ThreadPoolExecutor(3) as callers:
        engine.may_go_on.clear()
        admitted = [callers.submit(_compare, client, photos["ada"]) for _ in range(3)]
        _wait_for(client, "examgate_compare_in_flight 3.0")
        for _ in range(5):
            refused = _compare(client, photos["ada"])
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            assert refused.headers["Retry-After"] == "3"
        assert client.get("/healthz").status_code == 200
        engine.may_go_on.set()
        assert [answer.result().status_code for answer in admitted] == [200, 200, 200]
        assert _compare(client, photos["ada"]).status_code == 200


def test_a_stopping_server_finishes_what_it_took_in(
    run_server: RunServer, scripted: FaceVerifier, engine: ScriptedEngine, photos: dict[str, bytes]
) -> None:
    with ThreadPoolExecutor(1) as caller, httpx.Client(timeout=60) as own:
        with run_server(scripted, ServerConfig()) as client:
            engine.may_go_on.clear()
            own.base_url = client.base_url
            answer = caller.submit(_compare, own, photos["ada"])
            _wait_for(client, "examgate_compare_in_flight 1.0")
            threading.Timer(0.3, engine.may_go_on.set).start()
        assert answer.result().status_code == 200


def test_logs_hold_no_file_name_query_or_score(
    run_server: RunServer,
    scripted: FaceVerifier,
    photos: dict[str, bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    files = {"image1": ("ada-lovelace.jpg", photos["ada"]), "image2": ("bob.jpg", photos["bob"])}
    with run_server(scripted, ServerConfig()) as client:
        request_id = client.post("/compare", files=files).json()["request_id"]
        client.post("/compare?student=4711", files=files)
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))
    assert request_id in ours
    assert "unknown_query_parameter" in ours
    for private in ("lovelace", "bob.jpg", "4711", "1.0000", "127.0.0.1 "):
        assert private not in ours
