"""Every error the server answers with: stable codes, and problem details (RFC 9457) made of them.

A client may branch on `code`; it never changes. `detail` is for people and may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from starlette.types import Scope

from data.errors import (
    FaceOccludedError,
    FaceTooObliqueError,
    FaceTooSmallError,
    ImageError,
    ImageTooLargeError,
    LowContrastError,
    NoFaceError,
    SeveralFacesError,
    TooBlurryError,
    TooBrightError,
    TooDarkError,
    UndecodableImageError,
    UnsupportedImageTypeError,
)
from serving.comparison import ImageName

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What one code means."""

    code: str
    status: int
    title: str
    remedy: str


def _image_kind(error: type[ImageError], status: int, title: str) -> ProblemKind:
    return ProblemKind(error.code, status, title, error.remedy)


IMAGE_KINDS: Final = (
    _image_kind(NoFaceError, 422, "No face found"),
    _image_kind(SeveralFacesError, 422, "Several faces found"),
    _image_kind(FaceTooSmallError, 422, "Face too small"),
    _image_kind(FaceTooObliqueError, 422, "Face turned away"),
    _image_kind(TooBlurryError, 422, "Photo too blurred"),
    _image_kind(TooDarkError, 422, "Photo too dark"),
    _image_kind(TooBrightError, 422, "Photo too bright"),
    _image_kind(LowContrastError, 422, "Photo without contrast"),
    _image_kind(FaceOccludedError, 422, "Face covered"),
    _image_kind(UndecodableImageError, 422, "Image damaged"),
    _image_kind(UnsupportedImageTypeError, 415, "Image type not supported"),
    _image_kind(ImageTooLargeError, 413, "Image too large"),
    ProblemKind("empty_image", 422, "Image empty", "Send the photo's bytes; this file has none."),
)
"""One of the two photos is at fault; `image` says which."""

REQUEST_KINDS: Final = (
    ProblemKind(
        "missing_image",
        422,
        "Image missing",
        "Send two files, in the form fields `image1` and `image2`.",
    ),
    ProblemKind("repeated_field", 422, "Field sent twice", "Send each form field once."),
    ProblemKind(
        "unknown_field",
        422,
        "Unknown form field",
        "Send `image1` and `image2` only; the threshold belongs to the model, not to the caller.",
    ),
    ProblemKind(
        "unknown_query_parameter",
        422,
        "Unknown query parameter",
        "Send no query parameters; the threshold belongs to the model, not to the caller.",
    ),
    ProblemKind("too_many_fields", 422, "Too many form fields", "Send `image1` and `image2` only."),
    ProblemKind(
        "not_multipart", 415, "Not a multipart form", "Send the photos as `multipart/form-data`."
    ),
    ProblemKind(
        "malformed_multipart", 400, "Multipart form malformed", "Send a whole, well-formed form."
    ),
    ProblemKind(
        "body_too_large",
        413,
        "Request too large",
        "Send smaller photos; 1600 pixels on the longer side are plenty.",
    ),
    ProblemKind(
        "body_timeout", 408, "Request too slow", "Send the photos again over a faster connection."
    ),
)
"""The request as a whole is at fault."""

HTTP_KINDS: Final = (
    ProblemKind(
        "invalid_request", 400, "Invalid request", "Check the request against /openapi.json."
    ),
    ProblemKind("not_found", 404, "No such address", "Look up the address in /openapi.json."),
    ProblemKind(
        "method_not_allowed", 405, "Method not allowed", "Use the method in the `Allow` header."
    ),
)

SERVER_KINDS: Final = (
    ProblemKind(
        "internal_error",
        500,
        "Internal error",
        "Let a person decide, and report the request id to the operator.",
    ),
    ProblemKind("overloaded", 503, "Server busy", "Try again after `Retry-After` seconds."),
    ProblemKind(
        "not_ready", 503, "Server not ready", "Let a person decide, or try again in a few seconds."
    ),
)

KINDS: Final[Mapping[str, ProblemKind]] = {
    kind.code: kind for kind in (*IMAGE_KINDS, *REQUEST_KINDS, *HTTP_KINDS, *SERVER_KINDS)
}


class Problem(BaseModel):
    """Problem details (RFC 9457) with this server's extension members."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="`urn:examgate:problem:` and the code.")
    title: str = Field(description="What kind of problem this is, the same for each code.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What is wrong this time, for people.")
    code: str = Field(description="Stable; programs may branch on it.")
    image: ImageName | None = Field(
        default=None, description="Which photo is at fault, or null where none is."
    )
    remedy: str = Field(description="What to do about it, for people.")
    request_id: str = Field(description="The same as in the `X-Request-ID` header.")


class ProblemError(Exception):
    """A request that ends in a problem; raised anywhere between socket and route."""

    def __init__(
        self,
        code: str,
        detail: str,
        image: ImageName | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = KINDS[code]
        self.detail = detail
        self.image = image
        self.headers = headers


def describe(error: ProblemError, request_id: str) -> Problem:
    """The problem details of an error."""
    kind = error.kind
    return Problem(
        type=f"urn:examgate:problem:{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=error.detail,
        code=kind.code,
        image=error.image,
        remedy=kind.remedy,
        request_id=request_id,
    )


def problem_response(scope: Scope, error: ProblemError) -> Response:
    """Answer a request with a problem, and leave it in the request's state for the metrics."""
    state = scope["state"]
    state["problem"] = error
    return Response(
        describe(error, state["request_id"]).model_dump_json(),
        status_code=error.kind.status,
        headers=error.headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )
