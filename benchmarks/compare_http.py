"""Closed-loop load on `POST /compare`, on loopback only and bounded.

    python -m benchmarks.compare_http --bundle FOLDER --photos A.jpg B.jpg
    python -m benchmarks.compare_http --url http://127.0.0.1:8080 --photos A.jpg B.jpg

Prints the latency as callers see it, the server's own stages, and how many times the engine's time
for two faces an answer takes. With `--bundle` a server runs in a process of its own, and the
engine is also timed alone, in this process and before the load; with `--url` the server's own
`embed` stage stands for it.
"""

import argparse
import http.client
import json
import logging
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

from data.face import LANDMARK_NAMES
from data.images import decode_image
from serving.app import create_app, serve
from serving.bundle import open_bundle
from serving.config import ServerConfig
from serving.engine import EngineConfig, load_engine
from serving.verifier import FaceVerifier

MAX_REQUESTS: Final = 10_000
MAX_CONCURRENCY: Final = 64
WARM_UP_REQUESTS: Final = 5
ENGINE_RUNS: Final = 50
TIMEOUT_S: Final = 60.0
LOOPBACK_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
_BOUNDARY: Final = "examgate-benchmark"

Address = tuple[str, int]
Answer = dict[str, Any]


@dataclass(slots=True)
class Load:
    """What came of one load."""

    concurrency: int
    spent_s: float = 0.0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def stages_ms(self) -> dict[str, float]:
        """Median of each stage, as the server reports it."""
        timings = [answer["timings_ms"] for answer in self.answers]
        return {stage: statistics.median(t[stage] for t in timings) for stage in timings[0]}


def main() -> None:
    """Run the benchmark from the command line."""
    arguments = _arguments()
    if arguments.bundle:
        bench_bundle(arguments.bundle, arguments.photos, arguments.requests, arguments.concurrency)
    else:
        photos = [path.read_bytes() for path in arguments.photos]
        _bench(arguments.url, None, photos, arguments.requests, arguments.concurrency)


def bench_bundle(
    bundle: Path, photos: Sequence[Path], requests: int, concurrency: Sequence[int]
) -> None:
    """Start a server with a bundle and print a paragraph for each number of callers."""
    with server_of(bundle) as address:
        _bench(address, bundle, [path.read_bytes() for path in photos], requests, concurrency)


def _bench(
    address: Address,
    bundle: Path | None,
    photos: list[bytes],
    requests: int,
    concurrency: Sequence[int],
) -> None:
    first = run_load(address, photos, WARM_UP_REQUESTS, 1)
    engine_ms = (
        time_engine(bundle, photos, first.answers[0]) if bundle else first.stages_ms()["embed"]
    )
    print(f"engine alone, two faces: {engine_ms:.1f} ms")
    for callers in concurrency:
        print(report(run_load(address, photos, requests, callers), engine_ms))


def report(load: Load, engine_ms: float) -> str:
    """A paragraph about one load."""
    p50, p95, p99 = np.percentile(load.latencies_ms, [50, 95, 99])
    stages = "  ".join(f"{stage} {spent:.1f}" for stage, spent in load.stages_ms().items())
    return (
        f"concurrency {load.concurrency}: {len(load.answers)} answers, {load.refused} refused, "
        f"{len(load.answers) / load.spent_s:.1f} per second\n"
        f"  callers, ms:        p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}\n"
        f"  server, median ms:  {stages}\n"
        f"  p50 is {p50 / engine_ms:.2f} x the engine alone"
    )


def run_load(address: Address, photos: list[bytes], requests: int, concurrency: int) -> Load:
    """Send `requests` comparisons over `concurrency` connections, each waiting for its answers."""
    load = Load(concurrency)
    shares = [len(part) for part in np.array_split(np.arange(requests), concurrency)]
    body = _form(photos)
    callers = [
        threading.Thread(target=_call, args=(address, body, share, load)) for share in shares
    ]
    started_s = time.perf_counter()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    load.spent_s = time.perf_counter() - started_s
    if load.failures or not load.answers:
        raise SystemExit(f"not a benchmark: {load.failures[:1] or 'every request was refused'}")
    return load


def time_engine(folder: Path, photos: list[bytes], answer: Answer) -> float:
    """Median milliseconds that the bundle's engine takes for the two faces of an answer."""
    config = EngineConfig(threads=ServerConfig().threads_of_a_run)
    engine = load_engine(open_bundle(folder), config)
    faces = []
    for name, photo in zip(("image1", "image2"), photos, strict=True):
        points = answer["images"][name]["landmarks"]
        landmarks = [[points[n]["x"], points[n]["y"]] for n in LANDMARK_NAMES]
        faces.append((decode_image(photo)[None], np.array([landmarks], np.float32)))
    spent_ms = []
    for _ in range(ENGINE_RUNS):
        started_s = time.perf_counter()
        for image, landmarks_px in faces:
            engine.embed(image, landmarks_px)
        spent_ms.append(1e3 * (time.perf_counter() - started_s))
    return statistics.median(spent_ms)


def _call(address: Address, body: bytes, requests: int, load: Load) -> None:
    """One caller. It appends to lists only, which threads may do at once."""
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    for _ in range(requests):
        started_s = time.perf_counter()
        connection.request("POST", "/compare", body, headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            load.refused += 1
            continue
        if response.status != http.HTTPStatus.OK:
            load.failures.append(f"{response.status}: {answer['detail']} {answer['remedy']}")
            break
        load.latencies_ms.append(1e3 * (time.perf_counter() - started_s))
        load.answers.append(answer)
    connection.close()


def _form(photos: list[bytes]) -> bytes:
    parts = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image{number}"; filename="p"\r\n'
        f"Content-Type: image/jpeg\r\n\r\n".encode()
        + photo
        + b"\r\n"
        for number, photo in enumerate(photos, start=1)
    )
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


@contextmanager
def server_of(bundle: Path) -> Iterator[Address]:
    """Serve a bundle in a process of its own on a free loopback port, ready when this enters."""
    address = _free_address()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=_serve, args=(bundle, address), daemon=True)
    process.start()
    try:
        _wait_until_ready(address, process.is_alive)
        yield address
    finally:
        process.terminate()
        process.join(TIMEOUT_S)


def _serve(folder: Path, address: Address) -> None:
    logging.disable(logging.INFO)  # a line for each request would bury the figures
    config = ServerConfig(host=address[0], port=address[1])
    verifier = FaceVerifier.from_bundle(open_bundle(folder), config)
    serve(create_app(verifier, config), config)


def _wait_until_ready(address: Address, is_alive: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s and is_alive():
        try:
            connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the server did not become ready")


def _free_address() -> Address:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
    return host, port


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Closed-loop load on POST /compare.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", type=_loopback, help="a running server on loopback")
    where.add_argument("--bundle", type=Path, help="a release bundle to start a server with")
    parser.add_argument("--photos", type=Path, nargs=2, required=True, metavar=("A", "B"))
    parser.add_argument("--requests", type=_bounded(MAX_REQUESTS), default=200)
    parser.add_argument(
        "--concurrency", type=_bounded(MAX_CONCURRENCY), nargs="+", default=[1, 2, 8]
    )
    return parser.parse_args()


def _loopback(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS:
        raise argparse.ArgumentTypeError("load is only put on http://127.0.0.1")
    return parts.hostname, parts.port or 80


def _bounded(limit: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not 1 <= value <= limit:
            raise argparse.ArgumentTypeError(f"must be 1 to {limit}")
        return value

    return number


if __name__ == "__main__":
    main()
