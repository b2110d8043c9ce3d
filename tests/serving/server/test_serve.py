"""The server as a process of its own, started and stopped as an operator would."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

PROGRAM = """
import sys
from pathlib import Path
from serving.app import create_app, serve
from serving.bundle import open_bundle
from serving.config import ServerConfig
from serving.verifier import FaceVerifier

config = ServerConfig(port=int(sys.argv[2]), threads=1)
serve(create_app(FaceVerifier.from_bundle(open_bundle(Path(sys.argv[1])), config), config), config)
"""
START_TIMEOUT_S = 60.0


@pytest.fixture
def process(tiny_bundle: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(tiny_bundle), str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield server, client
    server.kill()
    server.wait()
    assert server.stderr is not None
    server.stderr.close()


def _wait_until_ready(client: httpx.Client) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("the server did not become ready")


def test_it_starts_answers_and_stops_when_told(
    process: tuple[subprocess.Popen[str], httpx.Client], photos: dict[str, bytes]
) -> None:
    server, client = process
    _wait_until_ready(client)
    answer = client.post("/compare", files={"image1": photos["ada"], "image2": photos["bob"]})
    assert answer.status_code == 200
    server.send_signal(signal.SIGTERM)
    _, log = server.communicate(timeout=30)
    assert server.returncode in {0, -signal.SIGTERM}
    assert "Traceback" not in log
    assert answer.headers["X-Request-ID"] in log


@pytest.mark.parametrize("module", ["torch", "mlflow", "dvc", "onnx", "joblib"])
def test_the_server_imports_none_of_what_trains_it(module: str) -> None:
    check = f"import sys, serving.app; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
