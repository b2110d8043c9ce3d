"""Read the two photos out of a multipart form, strictly and in memory.

Starlette's parser spools larger files to disk; faces do not belong there, and the body limit
already bounds the memory. Every field is expected or refused by name: an ignored `threshold` would
let a caller believe that it counted.
"""

import sys
from contextlib import aclosing
from typing import Final

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from serving.comparison import ImageName
from serving.problems import ProblemError

IMAGE_FIELDS: Final[tuple[ImageName, ImageName]] = ("image1", "image2")

_MAX_PARTS: Final = 8
"""Of each kind: enough to name the unknown ones, too few to cost anything."""
_SHOWN_CHARACTERS: Final = 40


class _InMemoryParser(MultiPartParser):
    spool_max_size = 0  # of a SpooledTemporaryFile: never roll over to disk


def _shown(name: str) -> str:
    """A caller's own word, fit for an error message."""
    return ascii(name[:_SHOWN_CHARACTERS])


async def _read_form(request: Request, timeout_s: float) -> FormData:
    try:
        with anyio.fail_after(timeout_s):
            return await _parse(request)
    except TimeoutError as error:
        raise ProblemError(
            "body_timeout", f"the body did not arrive within {timeout_s:g} s"
        ) from error
    except ClientDisconnect as error:
        raise ProblemError("malformed_multipart", "the connection ended inside the body") from error
    except MultiPartException as error:
        if error.message.startswith("Too many"):  # the parser tells its refusals apart by text only
            raise ProblemError("too_many_fields", f"more than {_MAX_PARTS} fields") from error
        raise ProblemError("malformed_multipart", "the body cannot be parsed") from error
    except ValueError as error:  # the parser trusts the caller's `charset`, and some codecs fail
        raise ProblemError("malformed_multipart", "its charset cannot be used") from error


async def _parse(request: Request) -> FormData:
    async with aclosing(request.stream()) as stream:
        parser = _InMemoryParser(
            request.headers,
            stream,
            max_files=_MAX_PARTS,
            max_fields=_MAX_PARTS,
            max_part_size=sys.maxsize,  # of text parts; the body limit bounds them too
        )
        return await parser.parse()


def _check_request(request: Request) -> None:
    for name in request.query_params:
        raise ProblemError("unknown_query_parameter", f"query parameter {_shown(name)}")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "multipart/form-data":
        raise ProblemError("not_multipart", f"the content type is {_shown(media_type)}")


def _check_fields(form: FormData) -> None:
    names = [name for name, _ in form.multi_items()]
    for name in names:
        if name not in IMAGE_FIELDS:
            raise ProblemError("unknown_field", f"form field {_shown(name)}")
        if names.count(name) > 1:
            raise ProblemError(
                "repeated_field", f"form field {name} occurs {names.count(name)} times"
            )


async def _photo(form: FormData, image: ImageName) -> bytes:
    part = form.get(image)
    if part is None:
        raise ProblemError("missing_image", f"there is no form field {image}", image)
    if not isinstance(part, UploadFile):
        raise ProblemError("missing_image", f"{image} was sent as text, not as a file", image)
    content = await part.read()
    if not content:
        raise ProblemError("empty_image", f"{image} has no bytes", image)
    return content


async def read_photos(request: Request, timeout_s: float) -> tuple[bytes, bytes]:
    """The bytes of `image1` and `image2`; raises `ProblemError` where the form is anything else."""
    _check_request(request)
    form = await _read_form(request, timeout_s)
    try:
        _check_fields(form)
        return await _photo(form, "image1"), await _photo(form, "image2")
    finally:
        await form.close()
