"""No request body over the limit is read, whatever its headers claim.

Starlette's own body limit answers in plain text; a client of this server gets problem details.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import ProblemError, problem_response

_MAX_DIGITS: Final = 18
"""Of a declared length; Python refuses to parse numbers of thousands of digits."""


class BodyLimit:
    """ASGI middleware that refuses request bodies of more than `max_body_bytes`.

    A declared length over the limit is refused before anything is read. Chunked bodies are
    counted as they arrive, and the read that crosses the limit raises `ProblemError`.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._allows(Headers(scope=scope).get("content-length", "0")):
            await problem_response(scope, self._too_large())(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _allows(self, declared: str) -> bool:
        plain = declared.isdecimal() and len(declared) <= _MAX_DIGITS
        return plain and int(declared) <= self._max_body_bytes

    def _counted(self, receive: Receive) -> Receive:
        received_bytes = 0

        async def counted() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_body_bytes:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> ProblemError:
        return ProblemError(
            "body_too_large", f"the request body is over {self._max_body_bytes:,} bytes"
        )
