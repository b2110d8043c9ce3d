"""`POST /compare` when the caller sends what it should not: typed problems, never a 500."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.problems import KINDS, PROBLEM_MEDIA_TYPE, Problem

Photos = dict[str, bytes]


def _problem(answer: httpx.Response, code: str, image: str | None = None) -> Problem:
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE, answer.text
    problem = Problem.model_validate_json(answer.content)
    assert (problem.code, problem.image) == (code, image), problem
    assert answer.status_code == problem.status == KINDS[code].status
    assert problem.type == f"urn:examgate:problem:{code}"
    assert problem.remedy
    assert problem.request_id == answer.headers["X-Request-ID"]
    return problem


@pytest.mark.parametrize("at_fault", ["image1", "image2"])
@pytest.mark.parametrize(
    ("photo", "code"),
    [
        ("no_face", "no_face"),
        ("two_faces", "several_faces"),
        ("tiny_face", "face_too_small"),
        ("truncated", "undecodable_image"),
        ("png_bomb", "image_too_large"),
        ("gif", "unsupported_image_type"),
        ("noise", "unsupported_image_type"),
        ("empty", "empty_image"),
    ],
)
def test_the_photo_at_fault_is_named(
    client: httpx.Client, photos: Photos, photo: str, code: str, at_fault: str
) -> None:
    files = {"image1": photos["ada"], "image2": photos["ada"], at_fault: photos[photo]}
    _problem(client.post("/compare", files=files), code, at_fault)


def test_of_two_bad_photos_the_first_is_named(client: httpx.Client, photos: Photos) -> None:
    files = {"image1": photos["no_face"], "image2": photos["noise"]}
    _problem(client.post("/compare", files=files), "no_face", "image1")


def test_a_photo_over_the_byte_limit(client: httpx.Client, photos: Photos) -> None:
    padded = photos["ada"] + bytes(11 * 2**20 - len(photos["ada"]))
    files = {"image1": photos["ada"], "image2": padded}
    _problem(client.post("/compare", files=files), "image_too_large", "image2")


@pytest.mark.parametrize("present", ["image1", "image2"])
def test_a_missing_photo(client: httpx.Client, photos: Photos, present: str) -> None:
    missing = {"image1": "image2", "image2": "image1"}[present]
    answer = client.post("/compare", files={present: photos["ada"]})
    _problem(answer, "missing_image", missing)


def test_a_photo_sent_as_text(client: httpx.Client, photos: Photos) -> None:
    answer = client.post("/compare", files={"image1": photos["ada"]}, data={"image2": "a.jpg"})
    assert "text" in _problem(answer, "missing_image", "image2").detail


@pytest.mark.parametrize("field", ["threshold", "image3", "x" * 500, "\N{PILE OF POO}"])
def test_an_unknown_field_is_named_and_not_ignored(
    client: httpx.Client, photos: Photos, field: str
) -> None:
    files = {"image1": photos["ada"], "image2": photos["bob"]}
    problem = _problem(client.post("/compare", files=files, data={field: "-1"}), "unknown_field")
    assert ascii(field[:40])[1:-1] in problem.detail
    assert len(problem.detail) < 200


def test_a_third_photo_is_refused(client: httpx.Client, photos: Photos) -> None:
    files = {name: photos["ada"] for name in ("image1", "image2", "image3")}
    assert "image3" in _problem(client.post("/compare", files=files), "unknown_field").detail


def test_a_photo_sent_twice(client: httpx.Client, photos: Photos) -> None:
    files = [("image1", photos["ada"]), ("image2", photos["ada"]), ("image1", photos["bob"])]
    _problem(client.post("/compare", files=files), "repeated_field")


def test_too_many_fields(client: httpx.Client, photos: Photos) -> None:
    files = [("image1", photos["gif"])] * 100
    _problem(client.post("/compare", files=files), "too_many_fields")
    text = {f"field{number}": "x" for number in range(100)}
    _problem(client.post("/compare", files=files[:1], data=text), "too_many_fields")


def test_a_query_parameter_is_named_and_not_ignored(client: httpx.Client, photos: Photos) -> None:
    files = {"image1": photos["ada"], "image2": photos["bob"]}
    answer = client.post("/compare?threshold=-1", files=files)
    assert "threshold" in _problem(answer, "unknown_query_parameter").detail


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "image/jpeg", "multipart/mixed", ""],
)
def test_what_is_no_multipart_form(client: httpx.Client, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    _problem(client.post("/compare", content=b"{}", headers=headers), "not_multipart")


def test_no_body_at_all(client: httpx.Client) -> None:
    _problem(client.post("/compare"), "not_multipart")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nhi\r\n"),
        (f"multipart/form-data; boundary={'x' * 5000}", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x; charset=undefined",
            b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nhi\r\n--x--\r\n',
        ),
    ],
)
def test_a_malformed_form(client: httpx.Client, content_type: str, body: bytes) -> None:
    answer = client.post("/compare", content=body, headers={"Content-Type": content_type})
    _problem(answer, "malformed_multipart")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=400), boundary=st.sampled_from(["x", '"a b"', "'", "=", "x;y"]))
def test_any_bytes_are_refused_and_never_a_failure(
    client: httpx.Client, body: bytes, boundary: str
) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = client.post("/compare", content=b"--x\r\n" + body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert Problem.model_validate_json(answer.content).code in KINDS


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_photo_is_refused_or_compared(
    client: httpx.Client, photos: Photos, data: st.DataObject
) -> None:
    damaged = bytearray(photos["ada"])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=20)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    files = {"image1": photos["bob"], "image2": bytes(damaged)}
    answer = client.post("/compare", files=files)
    if answer.status_code != 200:
        problem: dict[str, Any] = answer.json()
        assert 400 <= answer.status_code < 500
        assert problem["image"] == "image2"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/compare")
    _problem(answer, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/compare/", "/v1/nothing", "/%00", "/../etc/passwd"]
)
def test_another_address(client: httpx.Client, path: str) -> None:
    _problem(client.get(path), "not_found")
