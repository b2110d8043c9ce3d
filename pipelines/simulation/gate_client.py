"""How a gate asks the server, and what it makes of the answer. The one place that knows the API."""

from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import httpx

from data.simulator.gates import Decision

BUSY_STATUSES: Final = (429, 503)
_ON_FILE: Final = "image1"
_MAX_WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server, or what came instead of it."""

    kind: Literal["decided", "busy", "failed"]
    """`busy`: come back after `retry_after_s`. `failed`: no decision, and nobody to ask again."""
    decision: Decision
    """For `busy` and `failed` a refusal with the code as its reason: a person decides."""
    retry_after_s: float = 0.0


class GateApi(Protocol):
    """A way to ask for a decision."""

    def request(self, client: httpx.AsyncClient, reference: bytes, probe: bytes) -> httpx.Request:
        """The request of one attempt: the photo on file and the gate frame."""
        ...

    def read(self, response: httpx.Response) -> Reply:
        """What an answer says."""
        ...


class CompareApi:
    """`POST /compare`: both photos go along."""

    def request(self, client: httpx.AsyncClient, reference: bytes, probe: bytes) -> httpx.Request:
        """The photo on file is `image1`, the gate frame `image2`."""
        files = {
            _ON_FILE: ("reference", reference, "application/octet-stream"),
            "image2": ("probe.jpg", probe, "image/jpeg"),
        }
        return client.build_request("POST", "/compare", files=files)

    def read(self, response: httpx.Response) -> Reply:
        """Match and non-match, a photo's problem by its code, or no decision."""
        body = _object(response)
        code = str(body.get("code") or f"http_{response.status_code}")
        if response.status_code == httpx.codes.OK:
            return _decided(body)
        if response.status_code in BUSY_STATUSES:
            return Reply("busy", Decision("refused", code), _retry_after_s(response))
        if body.get("image") is not None:
            side = "reference:" if body["image"] == _ON_FILE else ""
            return Reply("decided", Decision("refused", f"{side}{code}"))
        return no_answer(code)


def no_answer(code: str) -> Reply:
    """The server did not decide; `code` says why."""
    return Reply("failed", Decision("refused", code))


def _decided(body: dict[str, Any]) -> Reply:
    same, similarity = body.get("is_same_person"), body.get("similarity_score")
    if not isinstance(same, bool) or not isinstance(similarity, float | int | None):
        return no_answer("unreadable_answer")
    score = None if similarity is None else float(similarity)
    return Reply("decided", Decision("match" if same else "non_match", None, score))


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds of the header; its other form, a date, is taken for one second."""
    text = response.headers.get("Retry-After", "1")
    return min(_MAX_WAIT_S, float(text)) if text.isdecimal() else 1.0
