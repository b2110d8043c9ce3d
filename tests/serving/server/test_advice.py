"""What `/compare` says of a photo's quality: advice on what it takes, a problem on the rest."""

import cv2
import httpx
import numpy as np
import pytest

from data.face import LANDMARK_NAMES, RgbU8
from data.images import DECODE_SIDE_PX, decode_image
from data.quality import measure_quality
from data.quality_policy import QualityPolicy
from serving.bundle import Bundle
from serving.config import ServerConfig
from serving.schemas import CompareResponse, QualityComponents
from serving.verifier import FaceVerifier

Photos = dict[str, bytes]


def _jpeg(image_rgb_u8: RgbU8) -> bytes:
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(encoded.tobytes())


def _enlarged(content: bytes, factor: float) -> bytes:
    image = decode_image(content)
    return _jpeg(cv2.resize(image, None, fx=factor, fy=factor).astype(np.uint8))


def _compare(client: httpx.Client, image1: bytes, image2: bytes) -> httpx.Response:
    return client.post("/compare", files={"image1": image1, "image2": image2})


def _darkened(content: bytes, gain: float) -> bytes:
    return _jpeg((decode_image(content) * gain).astype(np.uint8))


def test_a_good_photo_comes_without_advice(client: httpx.Client, photos: Photos) -> None:
    answer = _compare(client, photos["ada"], photos["ada"]).json()["images"]["image1"]
    assert answer["advice"] == []
    assert answer["quality"]["overall"] > 40
    assert set(answer["quality"]["components"]) == set(QualityComponents.model_fields)
    assert all(0 <= value <= 100 for value in answer["quality"]["components"].values())


def test_a_doubtful_photo_is_taken_with_advice(client: httpx.Client, photos: Photos) -> None:
    answer = _compare(client, photos["ada"], _darkened(photos["bob"], 0.35))
    assert answer.status_code == 200, answer.text
    photo = answer.json()["images"]["image2"]
    first = photo["advice"][0]
    assert (first["code"], first["component"]) == ("too_dark", "underexposure")
    assert first["value"] == photo["quality"]["components"]["underexposure"] < 40
    assert "light" in first["text"]


def test_a_hopeless_photo_is_refused(client: httpx.Client, photos: Photos) -> None:
    blurred = cv2.GaussianBlur(decode_image(photos["ada"]), (0, 0), 9.0).astype(np.uint8)
    answer = _compare(client, photos["bob"], _jpeg(blurred))
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert (problem["code"], problem["image"]) == ("too_blurry", "image2")
    assert "Hold still" in problem["remedy"]


def test_the_policy_is_the_releases(opened_bundle: Bundle, verifier: FaceVerifier) -> None:
    release = opened_bundle.release
    assert release.quality_policy == QualityPolicy()
    own = FaceVerifier.from_bundle(opened_bundle, ServerConfig(threads=1))
    assert own._quality_policy is release.quality_policy
    assert verifier.model.bundle_digest == opened_bundle.digest


def test_the_example_is_true() -> None:
    """The documented answer fits the documented types, and its advice the default policy."""
    (example,) = CompareResponse.model_json_schema()["examples"]
    photo = CompareResponse.model_validate(example).images.image1
    components = photo.quality.components.model_dump()
    low = {name for name, value in components.items() if value < QualityPolicy().advise_below}
    assert {one.component for one in photo.advice} == low
    assert photo.quality.overall == min(components.values())


def test_a_large_photo_is_described_in_its_own_pixels(
    verifier: FaceVerifier, photos: Photos
) -> None:
    small = decode_image(photos["ada"])
    factor = 2 * DECODE_SIDE_PX / max(small.shape[:2])
    large = _enlarged(photos["ada"], factor)
    comparison = verifier.compare(photos["ada"], large)
    report, large_report = comparison.photos
    assert large_report.width_px == round(report.width_px * factor)
    assert large_report.height_px == round(report.height_px * factor)
    eyes_px = report.quality.eye_distance_px
    assert large_report.quality.eye_distance_px == pytest.approx(eyes_px * factor / 2, rel=0.05)
    np.testing.assert_allclose(
        large_report.face.landmarks_px,
        report.face.landmarks_px * factor,
        atol=0.08 * eyes_px * factor,
        err_msg=", ".join(LANDMARK_NAMES),
    )
    assert comparison.similarity > 0.9


def test_measuring_agrees_with_the_pipeline(verifier: FaceVerifier, photos: Photos) -> None:
    report = verifier.compare(photos["ada"], photos["bob"]).photos[0]
    assert report.quality == measure_quality(decode_image(photos["ada"]), report.face)
