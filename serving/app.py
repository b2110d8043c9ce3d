"""Put the server together, and run it."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio
import uvicorn
from fastapi import FastAPI

from serving.admission import Admission
from serving.config import ServerConfig
from serving.limits import BodyLimit
from serving.metrics import Metrics
from serving.openapi import install_openapi
from serving.problem_handlers import install_problem_handlers
from serving.readiness import Readiness
from serving.request_context import RequestContext
from serving.routes import compare, health
from serving.services import Services
from serving.verifier import FaceVerifier


def create_app(verifier: FaceVerifier, config: ServerConfig) -> FastAPI:
    """An app that answers with one verifier. Its self-test runs when it starts."""
    services = _services(verifier, config)
    app = FastAPI(
        title="ExamGate",
        version=version("examgate"),
        description="Are two photos of one person?",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's pages load scripts from a public CDN
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose the photos, and trusts the Host header
    )
    app.state.services = services
    app.include_router(compare.router)
    app.include_router(health.router)
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, max_body_bytes=config.max_body_bytes)
    app.add_middleware(RequestContext, metrics=services.metrics)
    install_openapi(app)
    return app


def serve(app: FastAPI, config: ServerConfig) -> None:
    """Run the app until a signal stops it; requests taken in by then are still answered.

    Logs go to stderr, unless the caller has set up logging.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.Server(server_settings(app, config)).run()


def server_settings(app: FastAPI, config: ServerConfig) -> uvicorn.Config:
    """How uvicorn runs the app."""
    return uvicorn.Config(
        app,
        host=config.host,
        port=config.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,  # RequestContext writes one without addresses and queries
        server_header=False,
        timeout_graceful_shutdown=config.shutdown_timeout_s,
    )


def _services(verifier: FaceVerifier, config: ServerConfig) -> Services:
    metrics = Metrics()
    admission = Admission(config.comparisons_at_once + config.max_waiting, config.retry_after_s)
    readiness = Readiness(verifier.self_test, config.self_test_interval_s)
    metrics.describe_model(verifier.model, verifier.rule.operating_point)
    metrics.in_flight.set_function(lambda: admission.taken)
    metrics.ready.set_function(lambda: readiness.passed)
    return Services(
        config=config,
        verifier=verifier,
        metrics=metrics,
        admission=admission,
        readiness=readiness,
        workers=anyio.CapacityLimiter(config.comparisons_at_once),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    await services.readiness.check()
    yield
