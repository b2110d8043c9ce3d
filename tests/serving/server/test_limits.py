"""Bodies over the limit: refused by their claim, or at the byte that crosses it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

import httpx
import pytest

from data.images import ImageLimits
from serving.config import ServerConfig
from serving.verifier import FaceVerifier

RunServer = Callable[[FaceVerifier, ServerConfig], AbstractContextManager[httpx.Client]]
MIB = 2**20
SMALL = ServerConfig(image_limits=ImageLimits(max_bytes=MIB), body_timeout_s=0.5)


@pytest.fixture(scope="module")
def small(run_server: RunServer, verifier: FaceVerifier) -> Iterator[httpx.Client]:
    """A server that takes bodies of little more than 2 MiB, and not for long."""
    with run_server(verifier, SMALL) as client:
        yield client


def _chunks(total_bytes: int) -> Iterator[bytes]:
    """A body without Content-Length."""
    yield b'--x\r\nContent-Disposition: form-data; name="image1"; filename="a"\r\n\r\n'
    for _ in range(total_bytes // 65536):
        yield bytes(65536)


def _raw(client: httpx.Client, request: bytes) -> bytes:
    """Send bytes as they are and return what comes back until the server falls silent."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def test_a_declared_length_over_the_limit(small: httpx.Client) -> None:
    answer = small.post("/compare", content=bytes(11 * MIB))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_declared_length_is_refused_before_the_body_is_sent(small: httpx.Client) -> None:
    head = b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    assert _raw(small, head).startswith(b"HTTP/1.1 413 ")


def test_chunks_over_the_limit(small: httpx.Client) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = small.post("/compare", content=_chunks(4 * MIB), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_chunks_within_the_limit_are_read(small: httpx.Client, photos: dict[str, bytes]) -> None:
    whole = httpx.Request(
        "POST", "http://x/", files={"image1": photos["ada"], "image2": photos["ada"]}
    )
    body = whole.read()
    chunked = (body[start : start + 777] for start in range(0, len(body), 777))
    headers = {"Content-Type": whole.headers["Content-Type"]}
    answer = small.post("/compare", content=chunked, headers=headers)
    assert answer.json()["similarity_score"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("path", ["/healthz", "/nowhere"])
def test_the_limit_holds_for_every_address(small: httpx.Client, path: str) -> None:
    answer = small.request("GET", path, content=bytes(4 * MIB))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"+5", "\u0665".encode()])
def test_a_length_that_is_no_number(small: httpx.Client, length: bytes) -> None:
    head = b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n"
    status = _raw(small, head).split(b" ", 2)[1]
    assert status in {b"400", b"413"}


def test_a_client_that_never_finishes(small: httpx.Client) -> None:
    head = (
        b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    answer = _raw(small, head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_timeout"' in answer


def test_a_client_that_hangs_up_does_not_keep_its_place(small: httpx.Client) -> None:
    head = (
        b"POST /compare HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    address = urlsplit(str(small.base_url))
    for _ in range(50):
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(head)
    small.get("/healthz").raise_for_status()
    _wait_for_silence(small)


def _wait_for_silence(client: httpx.Client) -> None:
    for _ in range(500):
        if "examgate_compare_in_flight 0.0" in client.get("/metrics").text:
            return
    pytest.fail("places are still taken")
