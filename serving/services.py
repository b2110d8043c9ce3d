"""What the routes work with, put together once for each app."""

from dataclasses import dataclass
from typing import Annotated

import anyio
from fastapi import Depends, Request

from serving.admission import Admission
from serving.config import ServerConfig
from serving.metrics import Metrics
from serving.readiness import Readiness
from serving.verifier import FaceVerifier


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one server."""

    config: ServerConfig
    verifier: FaceVerifier
    metrics: Metrics
    admission: Admission
    readiness: Readiness
    workers: anyio.CapacityLimiter
    """Threads that compute; the event loop only reads, waits and writes."""

    @property
    def retry_headers(self) -> dict[str, str]:
        """Tell a refused client when to come back."""
        return {"Retry-After": str(self.config.retry_after_s)}


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
