"""What /openapi.json says beyond the types: the form, and an example of every problem."""

from collections import defaultdict
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.comparison import ImageName
from serving.problems import (
    IMAGE_KINDS,
    KINDS,
    PROBLEM_MEDIA_TYPE,
    Problem,
    ProblemError,
    ProblemKind,
    describe,
)

_REF: Final = "#/components/schemas/{model}"
_EXAMPLE_ID: Final = "2f1c9d5e8b7a4c30b6e1d2f3a4b5c6d7"
_PHOTO: Final = {"type": "string", "format": "binary", "description": "JPEG, PNG or WebP."}

COMPARE_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"image1": _PHOTO, "image2": _PHOTO},
                "required": ["image1", "image2"],
                "additionalProperties": False,
            },
            "encoding": {
                name: {"contentType": "image/jpeg, image/png, image/webp"}
                for name in ("image1", "image2")
            },
        }
    },
}
"""The form of `POST /compare`; the route reads it itself, so FastAPI cannot derive it."""


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for problem codes, grouped by status, each code with an example.

    What any address may answer (no such address, wrong method) is under `default`.
    """
    groups: dict[int | str, list[ProblemKind]] = defaultdict(list)
    for code in codes:
        groups[KINDS[code].status].append(KINDS[code])
    groups["default"] = [KINDS[c] for c in ("not_found", "method_not_allowed", "invalid_request")]
    return {status: _response(kinds) for status, kinds in groups.items()}


def _response(kinds: list[ProblemKind]) -> dict[str, Any]:
    return {
        "description": "; ".join(kind.title for kind in kinds),
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(model=Problem.__name__)},
                "examples": {kind.code: _example(kind) for kind in kinds},
            }
        },
    }


def _example(kind: ProblemKind) -> dict[str, Any]:
    image: ImageName | None = (
        "image2" if kind in IMAGE_KINDS or kind.code == "missing_image" else None
    )
    error = ProblemError(kind.code, kind.title.lower(), image)
    return {"summary": kind.title, "value": describe(error, _EXAMPLE_ID).model_dump()}


def install_openapi(app: FastAPI) -> None:
    """Make the app's schema one that also holds `Problem`, which no route returns by type."""

    def schema() -> dict[str, Any]:
        if app.openapi_schema is None:
            built = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            built["components"]["schemas"][Problem.__name__] = Problem.model_json_schema(
                ref_template=_REF
            )
            app.openapi_schema = built
        return app.openapi_schema

    app.openapi = schema  # type: ignore[method-assign]  # FastAPI's documented way to extend it
