"""Turns what a route raises into problems."""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from serving.comparison import PhotoError
from serving.problems import ProblemError, problem_response

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every expected error with its problem; `RequestContext` answers the unexpected."""
    for kind in (ProblemError, PhotoError, HTTPException):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    return problem_response(request.scope, _as_problem(error))


def _as_problem(error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, PhotoError):
        return ProblemError(error.reason.code, str(error), error.image)
    if isinstance(error, HTTPException):  # FastAPI's own: no such address, wrong method
        code = _HTTP_CODES.get(error.status_code, "invalid_request")
        return ProblemError(code, str(error.detail), headers=error.headers)
    raise error
