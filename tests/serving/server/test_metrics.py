"""What is counted, under which names, and that it moves."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving import metric_names
from serving.config import ServerConfig
from serving.metric_names import METRIC_NAMES
from serving.verifier import FaceVerifier

Photos = dict[str, bytes]
RunServer = Callable[[FaceVerifier, ServerConfig], AbstractContextManager[httpx.Client]]


@pytest.fixture
def fresh(run_server: RunServer, verifier: FaceVerifier) -> Iterator[httpx.Client]:
    """A server that nobody has asked anything yet."""
    with run_server(verifier, ServerConfig()) as client:
        yield client


def _value(client: httpx.Client, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return 0.0


def _compare(client: httpx.Client, image1: bytes, image2: bytes) -> httpx.Response:
    return client.post("/compare", files={"image1": image1, "image2": image2})


def test_every_exposed_name_is_in_the_module(fresh: httpx.Client, photos: Photos) -> None:
    _compare(fresh, photos["ada"], photos["bob"])
    _compare(fresh, photos["ada"], photos["no_face"])
    exposed = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(fresh.get("/metrics").text)
        if not family.name.endswith("_created")  # a twin that the library adds to every counter
    }
    assert exposed == set(METRIC_NAMES)


def test_the_module_lists_all_its_names() -> None:
    constants = {v for k, v in vars(metric_names).items() if k.isupper() and isinstance(v, str)}
    assert constants == set(METRIC_NAMES)


def test_decisions_and_stages_are_counted(fresh: httpx.Client, photos: Photos) -> None:
    _compare(fresh, photos["ada"], photos["ada"])
    different = _compare(fresh, photos["ada"], photos["bob"]).json()["is_same_person"] is False
    point = "fmr_1e-3"
    same = _value(fresh, metric_names.DECISIONS, outcome="same", operating_point=point)
    assert same == (1 if different else 2)
    for stage in ("queue", "decode", "detect", "embed", "total"):
        assert _value(fresh, f"{metric_names.STAGE_SECONDS}_count", stage=stage) == 2
    assert _value(fresh, f"{metric_names.STAGE_SECONDS}_sum", stage="total") > 0


def test_requests_are_counted_by_route_status_and_code(fresh: httpx.Client, photos: Photos) -> None:
    _compare(fresh, photos["ada"], photos["ada"])
    _compare(fresh, photos["ada"], photos["gif"])
    fresh.get("/compare")
    for name in ("secret-name", "another"):
        fresh.get(f"/{name}")
    count = metric_names.REQUESTS
    assert _value(fresh, count, route="/compare", status="200", code="ok") == 1
    assert _value(fresh, count, route="/compare", code="unsupported_image_type") == 1
    assert _value(fresh, count, route="/compare", code="method_not_allowed") == 1
    assert _value(fresh, count, route="unmatched", status="404", code="not_found") == 2
    assert "secret-name" not in fresh.get("/metrics").text


def test_rejected_photos_are_counted_by_position(fresh: httpx.Client, photos: Photos) -> None:
    _compare(fresh, photos["ada"], photos["no_face"])
    _compare(fresh, photos["gif"], photos["ada"])
    rejects = metric_names.IMAGE_REJECTS
    assert _value(fresh, rejects, code="no_face", image="image2") == 1
    assert _value(fresh, rejects, code="unsupported_image_type", image="image1") == 1


def test_the_model_is_named(fresh: httpx.Client, verifier: FaceVerifier) -> None:
    digest = verifier.model.bundle_digest
    assert _value(fresh, metric_names.MODEL_INFO, bundle_digest=digest, version="7") == 1
    assert _value(fresh, metric_names.READY) == 1


def test_two_servers_count_apart(
    fresh: httpx.Client, run_server: RunServer, verifier: FaceVerifier, photos: Photos
) -> None:
    with run_server(verifier, ServerConfig()) as other:
        _compare(other, photos["ada"], photos["ada"])
        assert _value(other, metric_names.DECISIONS) == 1
        assert _value(fresh, metric_names.DECISIONS) == 0
