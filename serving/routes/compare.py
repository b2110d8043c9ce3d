"""`POST /compare`: two photos in, one decision out."""

import time

import anyio.to_thread
from fastapi import APIRouter, Request

from serving.comparison import Comparison
from serving.openapi import COMPARE_BODY, problem_responses
from serving.problems import IMAGE_KINDS, REQUEST_KINDS, ProblemError
from serving.schemas import CompareResponse
from serving.services import Services, ServicesDep
from serving.uploads import read_photos

router = APIRouter(tags=["verification"])

_CODES = (
    *(kind.code for kind in (*IMAGE_KINDS, *REQUEST_KINDS)),
    *("overloaded", "not_ready", "internal_error"),
)


@router.post(
    "/compare",
    responses=problem_responses(*_CODES),
    openapi_extra={"requestBody": COMPARE_BODY},
)
async def compare(request: Request, services: ServicesDep) -> CompareResponse:
    """Decide whether two photos show one person.

    The threshold is the released model's own, at the operating point that the operator chose by
    name; a caller can neither see others nor set one. Both photos must show one face, large enough
    and turned to the camera. Anything else is a problem that says which photo and what to do.
    """
    if not services.readiness.passed:
        raise ProblemError(
            "not_ready", "the model failed its self-test", headers=services.retry_headers
        )
    with services.admission.place():
        photos = await read_photos(request, services.config.body_timeout_s)
        comparison, queue_ms = await _compare(services, photos)
    services.metrics.observe_comparison(comparison, queue_ms)
    return CompareResponse.of(
        comparison, services.verifier.model, queue_ms, request.state.request_id
    )


async def _compare(services: Services, photos: tuple[bytes, bytes]) -> tuple[Comparison, float]:
    """Compute in a worker thread; also returns the milliseconds spent waiting for one."""
    arrived_s = time.perf_counter()

    def work() -> tuple[Comparison, float]:
        queue_ms = 1e3 * (time.perf_counter() - arrived_s)
        return services.verifier.compare(*photos), queue_ms

    return await anyio.to_thread.run_sync(work, limiter=services.workers)
