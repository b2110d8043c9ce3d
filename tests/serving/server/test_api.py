"""`POST /compare` and its neighbours, over a real connection, when all goes well."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from serving.verifier import FaceVerifier

Photos = dict[str, bytes]


def _compare(client: httpx.Client, image1: bytes, image2: bytes) -> httpx.Response:
    return client.post("/compare", files={"image1": image1, "image2": image2})


def _decision(answer: httpx.Response) -> dict[str, Any]:
    """An answer without what differs between two equal requests."""
    assert answer.status_code == 200, answer.text
    return {k: v for k, v in answer.json().items() if k not in {"request_id", "timings_ms"}}


def test_one_photo_twice_is_one_person(client: httpx.Client, photos: Photos) -> None:
    answer = _compare(client, photos["ada"], photos["ada"]).json()
    assert answer["similarity_score"] == pytest.approx(1.0, abs=1e-6)
    assert answer["is_same_person"] is True


@pytest.mark.parametrize(("image1", "image2"), [("ada", "ada_again"), ("ada", "bob")])
def test_the_decision_is_the_bundles_threshold(
    client: httpx.Client, photos: Photos, image1: str, image2: str
) -> None:
    answer = _compare(client, photos[image1], photos[image2]).json()
    assert answer["operating_point"] == "fmr_1e-3"
    assert answer["threshold"] == pytest.approx(0.8)
    assert answer["is_same_person"] == (answer["similarity_score"] >= answer["threshold"])


def test_the_answer_is_what_the_verifier_says(
    client: httpx.Client, verifier: FaceVerifier, photos: Photos
) -> None:
    answer = _compare(client, photos["ada"], photos["bob"]).json()
    comparison = verifier.compare(photos["ada"], photos["bob"])
    assert answer["similarity_score"] == comparison.similarity
    assert answer["model"] == {
        "name": "tiny",
        "version": "7",
        "bundle_digest": verifier.model.bundle_digest,
        "contract_id": "arcface-112-rgb-v1",
    }
    for name, report in zip(("image1", "image2"), comparison.photos, strict=True):
        photo = answer["images"][name]
        assert (photo["width"], photo["height"]) == (report.width_px, report.height_px)
        assert tuple(photo["face_box"].values()) == pytest.approx(report.face.box_px)
        assert photo["quality"]["eye_distance_px"] == pytest.approx(report.quality.eye_distance_px)


def test_the_order_of_the_photos_does_not_matter(client: httpx.Client, photos: Photos) -> None:
    forth = _decision(_compare(client, photos["ada"], photos["bob"]))
    back = _decision(_compare(client, photos["bob"], photos["ada"]))
    assert forth["similarity_score"] == pytest.approx(back["similarity_score"], abs=1e-6)
    assert forth["images"]["image1"] == back["images"]["image2"]


def test_every_stage_is_timed(client: httpx.Client, photos: Photos) -> None:
    timings = _compare(client, photos["ada"], photos["bob"]).json()["timings_ms"]
    assert set(timings) == {"queue", "decode", "detect", "embed", "total"}
    assert all(spent >= 0 for spent in timings.values())
    stages = [timings["decode"], timings["detect"], timings["embed"]]
    assert min(stages) > 0
    assert sum(stages) <= 2 * timings["total"]  # two photos, side by side


def test_concurrent_requests_get_the_answers_they_get_alone(
    client: httpx.Client, photos: Photos
) -> None:
    pairs = [("ada", "bob"), ("bob", "ada_again")] * 6
    alone = [_decision(_compare(client, photos[a], photos[b])) for a, b in pairs[:2]]
    with ThreadPoolExecutor(6) as callers:
        together = callers.map(lambda pair: _compare(client, *(photos[p] for p in pair)), pairs)
    assert [_decision(answer) for answer in together] == alone * 6


def test_a_sane_request_id_comes_back(client: httpx.Client, photos: Photos) -> None:
    answer = client.post(
        "/compare",
        files={"image1": photos["ada"], "image2": photos["bob"]},
        headers={"X-Request-ID": "gate-3.2026_11-21"},
    )
    assert answer.headers["X-Request-ID"] == "gate-3.2026_11-21"
    assert answer.json()["request_id"] == "gate-3.2026_11-21"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 65, b"<script>", b"\xe4"])
def test_another_request_id_is_replaced(client: httpx.Client, given: bytes) -> None:
    answer = client.get("/healthz", headers=[(b"X-Request-ID", given)])
    assert len(answer.headers["X-Request-ID"]) == 32


@pytest.mark.parametrize("path", ["/compare", "/healthz", "/metrics", "/nowhere", "/openapi.json"])
def test_every_answer_has_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "server" not in headers


def test_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
