"""Alive, ready, and what was counted: for the platform around the server, not for its callers."""

from fastapi import APIRouter, Response

from serving.metrics import EXPOSITION_MEDIA_TYPE
from serving.openapi import problem_responses
from serving.problems import ProblemError
from serving.schemas import Health
from serving.services import ServicesDep

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses=problem_responses("internal_error"))
async def healthz() -> Health:
    """Answer while the process is alive. A failure means: restart it."""
    return Health(status="alive")


@router.get("/readyz", responses=problem_responses("not_ready", "internal_error"))
async def readyz(services: ServicesDep) -> Health:
    """Answer 200 while the model is loaded and embeds a fixed picture as it should."""
    if not await services.readiness.check():
        raise ProblemError(
            "not_ready", "the model failed its self-test", headers=services.retry_headers
        )
    return Health(status="ready")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {EXPOSITION_MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **problem_responses("internal_error"),
    },
)
async def metrics(services: ServicesDep) -> Response:
    """Prometheus metrics; `serving.metric_names` lists them."""
    return Response(services.metrics.exposition(), media_type=EXPOSITION_MEDIA_TYPE)
