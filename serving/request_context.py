"""What every answer gets, whoever gives it: a request id, security headers, a count, a log line."""

import logging
import re
import time
import uuid
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics
from serving.problems import ProblemError, problem_response

REQUEST_ID_HEADER: Final = "X-Request-ID"

_SANE_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # answers speak of faces
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_log = logging.getLogger(__name__)


class RequestContext:
    """Outermost ASGI middleware. Turns what nobody else caught into a problem without internals.

    The log line holds no query, no file name, no address and no score.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(_request_id(Headers(scope=scope)), send)
        scope.setdefault("state", {})["request_id"] = answer.request_id
        started_s = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            _log.exception("request %s failed", answer.request_id)
            if answer.status is not None:
                raise  # too late for another answer; the server cuts the connection
            error = ProblemError("internal_error", "the server failed; nothing was decided")
            await problem_response(scope, error)(scope, receive, answer.send)
        finally:
            self._record(scope, answer, time.perf_counter() - started_s)

    def _record(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        problem = scope["state"].get("problem")
        status = answer.status or 500
        self._metrics.observe_request(route, status, problem, seconds)
        _log.info(
            "request %s: %s %d %s in %.1f ms",
            answer.request_id,
            route,
            status,
            problem.kind.code if problem else "ok",
            1e3 * seconds,
        )


class _Answer:
    """Sends an answer on with the headers that every answer has, and remembers its status."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update({REQUEST_ID_HEADER: self.request_id, **_SECURITY_HEADERS})
        await self._send(message)


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
