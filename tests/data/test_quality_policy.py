from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from data.errors import (
    FaceOccludedError,
    FaceTooObliqueError,
    FaceTooSmallError,
    ImageError,
    LowContrastError,
    TooBlurryError,
    TooBrightError,
    TooDarkError,
)
from data.face import TEMPLATE_PX, DetectedFace
from data.quality import COMPONENTS, Quality, measure_quality
from data.quality_policy import NO_QUALITY_POLICY, QualityPolicy

EVERY_RULE = {
    "min_eye_distance": ("eye_distance_quality", FaceTooSmallError),
    "min_yaw": ("yaw_quality", FaceTooObliqueError),
    "min_pitch": ("pitch_quality", FaceTooObliqueError),
    "min_alignment": ("alignment_quality", FaceTooObliqueError),
    "min_underexposure": ("underexposure_quality", TooDarkError),
    "min_overexposure": ("overexposure_quality", TooBrightError),
    "min_dynamic_range": ("dynamic_range_quality", LowContrastError),
    "min_sharpness": ("sharpness_quality", TooBlurryError),
    "min_eyes_visible": ("eyes_visible_quality", FaceOccludedError),
    "min_mouth_visible": ("mouth_visible_quality", FaceOccludedError),
}


@pytest.fixture(scope="module")
def good() -> Quality:
    """A face without fault."""
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    measured = measure_quality(noise, DetectedFace((0, 0, 112, 112), TEMPLATE_PX, 0.99))
    return replace(measured, quality=95.0, **dict.fromkeys(COMPONENTS, 95.0))


def test_every_limit_has_a_rule() -> None:
    limits = {name for name in QualityPolicy.model_fields if name.startswith("min_")}
    assert limits == set(EVERY_RULE)


@pytest.mark.parametrize("limit", EVERY_RULE)
def test_a_component_below_its_limit_is_refused(good: Quality, limit: str) -> None:
    component, error = EVERY_RULE[limit]
    policy = NO_QUALITY_POLICY.model_copy(update={limit: 30.0})
    policy.check(replace(good, **{component: 30.0}))
    with pytest.raises(error, match=r"29 of 100.*at least 30 is needed") as raised:
        policy.check(replace(good, **{component: 29.0}))
    assert raised.value.remedy
    NO_QUALITY_POLICY.check(replace(good, **{component: 0.0}))


def test_nan_is_refused(good: Quality) -> None:
    with pytest.raises(TooBlurryError):
        QualityPolicy().check(replace(good, sharpness_quality=float("nan")))


def test_the_cause_is_named_before_its_consequences(good: Quality) -> None:
    soft = replace(good, sharpness_quality=1.0, mouth_visible_quality=1.0)
    with pytest.raises(TooBlurryError):
        QualityPolicy().check(soft)
    with pytest.raises(TooDarkError):
        QualityPolicy().check(replace(soft, underexposure_quality=1.0))


def test_a_good_face_passes_without_advice(good: Quality) -> None:
    QualityPolicy().check(good)
    assert QualityPolicy().advice(good) == ()


def test_advice_comes_worst_first_and_once(good: Quality) -> None:
    fair = replace(
        good,
        sharpness_quality=30.0,
        mouth_visible_quality=35.0,
        eyes_visible_quality=20.0,
        light_balance_quality=39.0,
        roll_quality=40.0,
    )
    policy = QualityPolicy(advise_below=40)
    policy.check(fair)
    advice = policy.advice(fair)
    assert [one.code for one in advice] == ["face_occluded", "too_blurry", "uneven_light"]
    assert (advice[0].component, advice[0].value) == ("eyes_visible_quality", 20.0)
    assert all(one.text for one in advice)
    assert policy.model_copy(update={"advise_below": 0.0}).advice(fair) == ()


def test_codes_of_the_new_errors_are_unique() -> None:
    codes = [error.code for error in ImageError.__subclasses__()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("wrong", [{"min_sharpness": 101}, {"min_yaw": -1}, {"sharpness": 3}])
def test_a_policy_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        QualityPolicy.model_validate(wrong)
