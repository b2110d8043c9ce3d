"""What holds for every operator, on any picture."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from data.degrade.base import DegradeError, luminance, to_linear, to_srgb_u8
from data.degrade.degrade import OPERATORS, degrade, degrade_face
from data.face import LandmarksPx, RgbU8
from tests.data.degrade.conftest import Portrait

LOCAL = ("glare", "hand", "hair", "glasses", "sunglasses", "mask")


def _luma(image: RgbU8) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _face(portrait: Portrait, image: RgbU8) -> RgbU8:
    """The part between brows and chin."""
    _, landmarks = portrait
    (x, y), unit = landmarks.mean(0), float(np.linalg.norm(landmarks[1] - landmarks[0]))
    rows, columns = slice(int(y - unit), int(y + unit)), slice(int(x - unit), int(x + unit))
    return image[rows, columns]


def _sharpness(image: RgbU8) -> float:
    return float(cv2.Laplacian(_luma(image), cv2.CV_64F).var())


@pytest.mark.parametrize("operator", OPERATORS)
def test_severity_zero_is_an_exact_copy(portrait: Portrait, operator: str) -> None:
    image, landmarks = portrait
    found = degrade_face(image, landmarks, operator, 0.0, 3)
    assert np.array_equal(found.image_rgb_u8, image)
    assert found.image_rgb_u8 is not image
    assert np.array_equal(found.landmarks_px, landmarks)


@pytest.mark.parametrize("operator", OPERATORS)
def test_same_seed_same_picture_and_input_untouched(portrait: Portrait, operator: str) -> None:
    image, landmarks = portrait
    before = image.copy()
    first, second = (degrade(image, landmarks, operator, 0.7, 11) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, image)
    assert np.array_equal(image, before)
    assert first.shape == image.shape
    assert first.dtype == np.uint8


@pytest.mark.parametrize(
    "operator", ["motion_blur", "low_light", "glare", "hand", "hair", "glasses", "mask", "rotation"]
)
def test_another_seed_draws_something_else(portrait: Portrait, operator: str) -> None:
    image, landmarks = portrait
    drawn = {degrade(image, landmarks, operator, 0.7, seed).tobytes() for seed in range(6)}
    assert len(drawn) > 1


@pytest.mark.parametrize("operator", [name for name in OPERATORS if name != "mirror"])
def test_more_severity_takes_the_picture_further_away(portrait: Portrait, operator: str) -> None:
    """In mean absolute difference from the original, over several draws."""
    image, landmarks = portrait
    distances = [
        np.mean(
            [
                np.abs(
                    degrade(image, landmarks, operator, severity, seed).astype(float) - image
                ).mean()
                for seed in range(3)
            ]
        )
        for severity in (0.25, 0.5, 0.75, 1.0)
    ]
    assert distances[0] > 0
    assert all(np.diff(distances) > 0), distances


@pytest.mark.parametrize("operator", LOCAL)
def test_what_is_far_from_the_face_stays_bit_for_bit(operator: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 600, 3), np.uint8)
    landmarks = np.array([[40, 30], [60, 30], [50, 42], [42, 53], [58, 53]], np.float32)
    found = degrade(image, landmarks, operator, 1.0, 1)
    assert np.array_equal(found[:, 300:], image[:, 300:])
    assert not np.array_equal(found, image)


@pytest.mark.parametrize("operator", ["motion_blur", "defocus_blur", "low_resolution"])
def test_blur_takes_sharpness(portrait: Portrait, operator: str) -> None:
    image, landmarks = portrait
    figures = [
        _sharpness(_face(portrait, degrade(image, landmarks, operator, severity, 2)))
        for severity in (0.0, 0.2, 0.5, 1.0)
    ]
    assert all(np.diff(figures) < 0), figures
    assert figures[-1] < 0.3 * figures[0]


def test_low_light_is_darker_and_noisier(portrait: Portrait) -> None:
    image, landmarks = portrait
    found = [degrade(image, landmarks, "low_light", s, 2) for s in (0.0, 0.4, 0.7, 1.0)]
    assert all(np.diff([_luma(picture).mean() for picture in found]) < 0)
    wall = [_luma(picture)[:20, :20] for picture in found]
    relative = [float(patch.std() / patch.mean()) for patch in wall]
    assert all(np.diff(relative) > 0), relative


def test_overexposure_clips_more_and_more(portrait: Portrait) -> None:
    image, landmarks = portrait
    shares = [
        float((degrade(image, landmarks, "overexposure", s, 0) == 255).mean())
        for s in (0.0, 0.3, 0.6, 1.0)
    ]
    assert all(np.diff(shares) > 0)


def test_backlight_darkens_the_face_and_lights_the_wall(portrait: Portrait) -> None:
    image, landmarks = portrait
    found = degrade(image, landmarks, "backlight", 0.8, 0)
    assert _luma(_face(portrait, found)).mean() < 0.75 * _luma(_face(portrait, image)).mean()
    assert _luma(found)[:15, :15].mean() > _luma(image)[:15, :15].mean()


def test_mask_says_what_it_covers(portrait: Portrait) -> None:
    image, landmarks = portrait
    low, high = (degrade_face(image, landmarks, "mask", severity, 4) for severity in (0.4, 1.0))
    assert low.facts["nose_exposed"] is True
    assert high.facts["nose_exposed"] is False
    assert 0 < float(low.facts["coverage"]) < float(high.facts["coverage"]) < 1
    assert (low.facts["shape"], low.facts["colour"]) == (high.facts["shape"], high.facts["colour"])
    nose = tuple(np.rint(landmarks[2]).astype(int)[::-1])
    mouth = tuple(np.rint(landmarks[3:].mean(0)).astype(int)[::-1])
    for found in (low, high):
        assert not np.array_equal(found.image_rgb_u8[mouth], image[mouth])
    assert np.array_equal(low.image_rgb_u8[nose], image[nose])
    assert not np.array_equal(high.image_rgb_u8[nose], image[nose])


def test_sunglasses_darken_the_eyes_and_spare_the_mouth(portrait: Portrait) -> None:
    image, landmarks = portrait
    found = degrade(image, landmarks, "sunglasses", 1.0, 0)
    for eye in np.rint(landmarks[:2]).astype(int):
        patch = np.s_[eye[1] - 3 : eye[1] + 4, eye[0] - 3 : eye[0] + 4]
        assert _luma(found)[patch].mean() < 0.7 * _luma(image)[patch].mean()
    mouth = np.rint(landmarks[3]).astype(int)
    assert np.array_equal(found[mouth[1], mouth[0]], image[mouth[1], mouth[0]])


def test_rotation_moves_the_landmarks_with_the_picture() -> None:
    image = np.zeros((160, 160, 3), np.uint8)
    landmarks = np.array([[60, 60], [100, 60], [80, 80], [64, 102], [96, 102]], np.float32)
    for x, y in landmarks.astype(int):
        cv2.circle(image, (int(x), int(y)), 3, (255, 255, 255), -1)
    found = degrade_face(image, landmarks, "rotation", 0.6, 1)
    assert abs(float(found.facts["angle_deg"])) == pytest.approx(21)
    for x, y in found.landmarks_px:
        assert found.image_rgb_u8[round(float(y)), round(float(x))].min() > 200


@pytest.mark.parametrize("operator", ["shift", "scale", "mirror"])
def test_landmarks_go_where_the_picture_goes(operator: str) -> None:
    """Each landmark keeps its name as seen in the picture, and what lies under it."""
    image = np.zeros((160, 200, 3), np.uint8)
    landmarks = np.array([[60, 60], [100, 62], [80, 80], [64, 102], [96, 102]], np.float32)
    for place, (x, y) in enumerate(landmarks.astype(int)):
        cv2.circle(image, (int(x), int(y)), 4, (255, 50 * place, 0), -1)
    found = degrade_face(image, landmarks, operator, 0.6, 1)
    assert found.landmarks_px[0, 0] < found.landmarks_px[1, 0]
    assert found.landmarks_px[3, 0] < found.landmarks_px[4, 0]
    exchanged = [1, 0, 2, 4, 3] if operator == "mirror" else range(5)
    for place, (x, y) in zip(exchanged, found.landmarks_px, strict=True):
        pixel = found.image_rgb_u8[round(float(y)), round(float(x))]
        assert pixel[0] > 200
        assert pixel[1] == pytest.approx(50 * place, abs=12)


def test_mirrored_twice_is_the_picture_itself(portrait: Portrait) -> None:
    image, landmarks = portrait
    once = degrade_face(image, landmarks, "mirror", 1.0, 0)
    twice = degrade_face(once.image_rgb_u8, once.landmarks_px, "mirror", 0.2, 9)
    assert np.array_equal(twice.image_rgb_u8, image)
    assert np.allclose(twice.landmarks_px, landmarks, atol=1e-3)


def test_greyscale_leaves_no_colour_and_keeps_the_light(portrait: Portrait) -> None:
    image, landmarks = portrait
    found = degrade(image, landmarks, "greyscale", 1.0, 0)
    assert np.array_equal(found[..., 0], found[..., 1])
    assert np.array_equal(found[..., 1], found[..., 2])
    assert luminance(to_linear(found)).mean() == pytest.approx(
        luminance(to_linear(image)).mean(), rel=0.01
    )


@pytest.mark.parametrize(
    ("operator", "fact", "both"),
    [("brightness", "gain", {0.7, 1.3}), ("scale", "factor", {2**-0.6, 2**0.6})],
)
def test_both_directions_are_drawn(
    portrait: Portrait, operator: str, fact: str, both: set[float]
) -> None:
    image, landmarks = portrait
    drawn = {
        round(float(degrade_face(image, landmarks, operator, 0.6, seed).facts[fact]), 6)
        for seed in range(8)
    }
    assert drawn == {round(value, 6) for value in both}


def test_noise_keeps_the_light_and_roughens_it(portrait: Portrait) -> None:
    image, landmarks = portrait
    found = [degrade(image, landmarks, "noise", severity, 2) for severity in (0.0, 0.3, 0.6, 1.0)]
    wall = [_luma(picture)[:20, :20] for picture in found]
    assert all(np.diff([patch.std() for patch in wall]) > 0)
    assert wall[-1].mean() == pytest.approx(wall[0].mean(), rel=0.15)


def test_jpeg_says_its_quality(portrait: Portrait) -> None:
    image, landmarks = portrait
    assert degrade_face(image, landmarks, "jpeg", 1.0, 0).facts["quality"] == 5


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"operator": "sepia"}, "sepia"),
        ({"severity": 1.01}, "between 0 and 1"),
        ({"severity": float("nan")}, "between 0 and 1"),
        ({"landmarks_px": np.zeros((5, 2), np.float32)}, "0.00 pixels apart"),
        ({"landmarks_px": np.full((5, 2), np.nan, np.float32)}, "finite"),
        ({"landmarks_px": np.arange(10, dtype=np.float32).reshape(5, 2)}, "one line"),
        ({"image_rgb_u8": np.zeros((8, 8), np.uint8)}, "no uint8 RGB"),
    ],
)
def test_nonsense_is_refused_by_name(
    portrait: Portrait, changes: dict[str, object], named: str
) -> None:
    image, landmarks = portrait
    sound = {
        "image_rgb_u8": image,
        "landmarks_px": landmarks,
        "operator": "jpeg",
        "severity": 0.5,
        "seed": 0,
    }
    with pytest.raises(DegradeError, match=named):
        degrade(**(sound | changes))  # type: ignore[arg-type]  # the point of the test


_POINTS = npst.arrays(np.float32, (5, 2), elements=st.floats(-40, 120, width=32))


@settings(max_examples=120, deadline=None)
@given(
    image=npst.arrays(np.uint8, st.tuples(st.integers(8, 70), st.integers(8, 70), st.just(3))),
    landmarks=_POINTS,
    operator=st.sampled_from(OPERATORS),
    severity=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_any_face_anywhere_gives_a_picture_of_the_same_shape(
    image: RgbU8, landmarks: LandmarksPx, operator: str, severity: float, seed: int
) -> None:
    """Detectors find faces half outside a picture, turned away, or where there are none."""
    try:
        found = degrade_face(image, landmarks, operator, severity, seed)
    except DegradeError as error:
        assert "no face to change" in str(error)  # noqa: PT017 - most draws are faces
        return
    assert found.image_rgb_u8.shape == image.shape
    assert found.image_rgb_u8.dtype == np.uint8
    assert np.isfinite(found.landmarks_px).all()


def test_light_and_back_loses_nothing() -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(to_srgb_u8(to_linear(every)), every)
