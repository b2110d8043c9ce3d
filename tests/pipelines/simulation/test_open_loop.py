"""The load keeps its clock whatever the server does, and does not hide that it was slow."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from data.simulator import CampusWorld, Morning, SimulatorConfig, plan_morning
from data.simulator.photos import PhotoStore
from pipelines.simulation.gate_client import CompareApi
from pipelines.simulation.load_report import LoadReport, load_report
from pipelines.simulation.open_loop import LoadConfig, send_morning
from tests.loopback import running

Answer = Callable[[int], Response]
MATCH = {"is_same_person": True, "similarity_score": 0.9}
NO = {"is_same_person": False, "similarity_score": 0.1}


@contextmanager
def _server(
    answer: Answer, takes_s: float = 0.0, *, together: int = 1
) -> Iterator[tuple[str, list[float]]]:
    """A real server; also gives when its requests came in.

    It answers `takes_s` after a request, and not before so many requests are there `together`.
    """
    app, came_s = FastAPI(), list[float]()
    all_there = asyncio.Event()

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/compare")
    async def compare(request: Request) -> Response:
        came_s.append(time.perf_counter())
        async with request.form() as form:
            assert set(form) == {"image1", "image2"}
        if len(came_s) >= together:
            all_there.set()
        await all_there.wait()
        await asyncio.sleep(takes_s)
        return answer(len(came_s))

    with running(uvicorn.Config(app, log_config=None, ws="none")) as url:
        yield url, came_s


def _json(body: Mapping[str, object], status: int = 200, **headers: str) -> Response:
    return Response(httpx.Response(status, json=body).content, status, headers)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Morning, PhotoStore]:
    """Six candidates, none of them false or absent, and their photos."""
    values = {"claims": dict.fromkeys(("absent_share", "impostor_share", "look_alike_share"), 0)}
    config = SimulatorConfig.model_validate(values).with_candidates(6)
    morning = plan_morning(config, CampusWorld())
    store = PhotoStore(CampusWorld(), tmp_path_factory.mktemp("photos"))
    store.prepare(morning, 1, lambda *_: None)
    return morning, store


def _load(
    prepared: tuple[Morning, PhotoStore], url: str, config: LoadConfig
) -> tuple[LoadReport, float]:
    """The report, and over how many seconds the first attempts were scheduled."""
    sent = send_morning(url, *prepared, CompareApi(), config)
    firsts = [one.scheduled_s for one in sent if one.decided.attempt.number == 1]
    return load_report(sent, config), max(firsts)


def test_a_server_that_answers_nobody_does_not_stop_the_arrivals(
    prepared: tuple[Morning, PhotoStore],
) -> None:
    """Whoever waits for an answer before the next request would wait here for ever."""
    with _server(lambda _: _json(MATCH), together=6) as (url, came_s):
        report, _ = _load(prepared, url, LoadConfig(speedup=7200))
    assert report.num_answered == len(came_s) == 6


def test_waiting_for_a_connection_counts_as_latency(prepared: tuple[Morning, PhotoStore]) -> None:
    takes_s = 0.15
    with _server(lambda _: _json(MATCH), takes_s) as (url, _):
        report, span_s = _load(prepared, url, LoadConfig(speedup=36000, max_connections=1))
    assert report.num_late >= 1
    assert report.latency_ms.max is not None
    # One after the other, so the last answer comes after six times a request; never sooner.
    assert report.latency_ms.max >= 0.99 * 1e3 * (6 * takes_s - span_s)


def test_a_no_brings_the_candidate_back_until_the_budget_is_spent(
    prepared: tuple[Morning, PhotoStore],
) -> None:
    with _server(lambda _: _json(NO)) as (url, came_s):
        report, _ = _load(prepared, url, LoadConfig(speedup=7200))
    assert report.num_requests == len(came_s) == 18
    assert report.problems == {}


def test_busy_is_waited_out_as_long_as_the_server_asks(
    prepared: tuple[Morning, PhotoStore],
) -> None:
    def first_busy(number: int) -> Response:
        return (
            _json({"code": "overloaded"}, 503, **{"Retry-After": "1"})
            if number == 1
            else _json(MATCH)
        )

    with _server(first_busy) as (url, came_s):
        report, _ = _load(prepared, url, LoadConfig(speedup=36000))
    assert (report.num_busy, report.num_answered, len(came_s)) == (1, 6, 7)
    assert report.latency_ms.max is not None
    assert report.latency_ms.max > 1000


@pytest.mark.parametrize(
    ("answer", "takes_s", "code"),
    [
        (lambda _: _json({"code": "internal_error"}, 500), 0.0, "internal_error"),
        (lambda _: Response(b"<html>", 502), 0.0, "http_502"),
        (lambda _: _json({"is_same_person": "yes"}), 0.0, "unreadable_answer"),
        (lambda _: _json(MATCH), 1.0, "timeout"),
    ],
)
def test_what_is_no_decision_is_counted_and_goes_to_a_person(
    prepared: tuple[Morning, PhotoStore], answer: Answer, takes_s: float, code: str
) -> None:
    with _server(answer, takes_s) as (url, _):
        config = LoadConfig(speedup=36000, timeout_s=0.4 if code == "timeout" else 30)
        sent = send_morning(url, *prepared, CompareApi(), config)
    assert load_report(sent, config).problems == {code: 6}
    assert load_report(sent, config).latency_ms.n == 0
    assert {one.decided.ending for one in sent} == {"desk"}


@pytest.mark.parametrize(
    ("image", "reason"), [("image1", "reference:no_face"), ("image2", "no_face")]
)
def test_a_photos_problem_names_its_side_and_is_tried_again(
    prepared: tuple[Morning, PhotoStore], image: str, reason: str
) -> None:
    with _server(lambda _: _json({"code": "no_face", "image": image}, 422), 0.0) as (url, _):
        report, _ = _load(prepared, url, LoadConfig(speedup=36000))
    assert report.problems == {reason: 18}
    assert report.num_answered == 18
