from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any, Final

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.alignment import align
from data.errors import FaceTooSmallError
from data.face import TEMPLATE_PX, DetectedFace, LandmarksPx, RgbU8
from data.images import decode_image
from data.manifest import QUALITY_COLUMNS, TRUE_LANDMARK_COLUMNS
from data.quality import COMPONENTS, NATIVE_MEASURES, Quality, measure_quality
from data.quality.overall import OVERALL_COMPONENTS
from data.sources.campus import CampusConfig, render_photo

BOX = (0.0, 0.0, 112.0, 112.0)
FACE = DetectedFace(BOX, TEMPLATE_PX, 0.875)
MIRROR_SLACK: Final = 8.0
"""A mirrored crop is resampled half a pixel away, and the template is not quite symmetric."""


def noise() -> RgbU8:
    return np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)


def flat(level: int) -> RgbU8:
    return np.full((112, 112, 3), level, np.uint8)


def of_crop(crop_rgb_u8: RgbU8) -> Quality:
    return measure_quality(crop_rgb_u8, FACE, crop_rgb_u8)


@pytest.fixture(scope="module")
def campus() -> list[tuple[RgbU8, DetectedFace, dict[str, Any]]]:
    """Pictures with their true landmarks; six in ten of the gate's wear a mask."""
    config = CampusConfig(num_subjects=12, photos_per_subject=4)
    gate = config.gate.model_copy(update={"mask_share": 0.6})
    config = config.model_copy(update={"gate": gate, "gate_share": 0.9, "webcam_share": 0.05})
    found = []
    for index in range(config.num_photos):
        content, row = render_photo(config, index)
        points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
        found.append((decode_image(content), DetectedFace(BOX, points, 0.99), row))
    return found


@pytest.fixture(scope="module")
def bare(campus: list[tuple[RgbU8, DetectedFace, dict[str, Any]]]) -> list[RgbU8]:
    """Crops of faces without a mask."""
    crops = [align(image, face.landmarks_px) for image, face, row in campus if row["mask"] == "no"]
    assert len(crops) >= 20
    return crops


def test_fields_are_the_manifest_columns() -> None:
    assert tuple(field.name for field in fields(Quality)) == QUALITY_COLUMNS
    assert (*NATIVE_MEASURES, *COMPONENTS, "quality") == QUALITY_COLUMNS


def test_a_flat_picture() -> None:
    quality = of_crop(flat(60))
    assert quality.detection_score == 0.875
    assert quality.detection_quality == pytest.approx(87.5)
    assert quality.eye_distance_px == pytest.approx(35.238, abs=1e-3)
    assert quality.alignment_residual_px == pytest.approx(0, abs=1e-3)
    assert quality.brightness == pytest.approx(60)
    for name in ("sharpness", "contrast", "detail", "entropy_bits", "dynamic_range_quality"):
        assert getattr(quality, name) == pytest.approx(0, abs=1e-6), name
    assert quality.light_balance == pytest.approx(1)
    assert quality.skin_shift == pytest.approx(0)
    assert quality.blockiness == pytest.approx(1)
    assert quality.quality < 6


def test_luma_weighs_green_most() -> None:
    brightness = []
    for channel in range(3):
        image = np.zeros((112, 112, 3), np.uint8)
        image[..., channel] = 255
        brightness.append(of_crop(image).brightness)
    np.testing.assert_allclose(brightness, [76, 150, 29], atol=1)  # BT.601, as bytes


def test_shares_of_dark_and_bright() -> None:
    image = flat(25)
    image[:, 56:] = 247
    quality = of_crop(image)
    assert quality.contrast == pytest.approx(111)
    assert quality.dark_share == pytest.approx(0.5, abs=0.02)
    assert quality.bright_share == pytest.approx(1 - quality.dark_share)
    assert quality.entropy_bits == pytest.approx(1, abs=0.01)
    assert quality.light_balance == 0
    assert of_crop(flat(26)).dark_share == of_crop(flat(246)).bright_share == 0


def test_the_crop_may_be_given(bare: list[RgbU8]) -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[:112, :112] = bare[0]
    assert measure_quality(image, FACE) == measure_quality(image, FACE, align(image, TEMPLATE_PX))


def test_only_the_face_counts(draw_face: Callable[..., Any]) -> None:
    drawing = draw_face(shape_hw=(400, 400), centre_px=(200, 200), eyes_px=35)
    face = DetectedFace(BOX, drawing.landmarks_px, 0.9)
    corner = drawing.image_rgb_u8.copy()
    corner[:60, :60] = 255
    assert measure_quality(corner, face) == measure_quality(drawing.image_rgb_u8, face)


@given(st.floats(0.2, 8), st.floats(-200, 200))
def test_eye_distance_follows_the_picture_and_residual_the_crop(scale: float, shift: float) -> None:
    landmarks = TEMPLATE_PX.copy()
    landmarks[2, 0] += 5  # a nose off by 5 crop pixels
    plain = measure_quality(noise(), DetectedFace(BOX, landmarks, 0.5))
    moved = landmarks * np.float32(scale) + np.float32(shift)
    scaled = measure_quality(noise(), DetectedFace(BOX, moved, 0.5))
    assert scaled.eye_distance_px == pytest.approx(plain.eye_distance_px * scale, rel=1e-3)
    assert scaled.alignment_residual_px == pytest.approx(plain.alignment_residual_px, rel=0.01)


@given(st.binary(min_size=49 * 3, max_size=49 * 3), st.floats(0, 1), st.floats(0, 30))
def test_every_component_is_between_0_and_100(pixels: bytes, score: float, off_px: float) -> None:
    small = np.frombuffer(pixels, np.uint8).reshape(7, 7, 3)
    image = small.repeat(16, 0).repeat(16, 1)
    landmarks = (TEMPLATE_PX + np.random.default_rng(0).normal(0, off_px, (5, 2))).astype("f4")
    quality = measure_quality(image, DetectedFace(BOX, landmarks, score))
    components = {name: getattr(quality, name) for name in (*COMPONENTS, "quality")}
    assert all(0 <= value <= 100 for value in components.values()), components
    assert quality.quality == min(components[name] for name in OVERALL_COMPONENTS)
    assert np.isfinite(list(asdict(quality).values())).all()


def blurred(crop: RgbU8, sigma: float) -> RgbU8:
    return cv2.GaussianBlur(crop, (0, 0), sigma).astype(np.uint8)


def lit(crop: RgbU8, gain: float) -> RgbU8:
    return np.asarray(np.clip(crop * gain, 0, 255), np.uint8)


def compressed(crop: RgbU8, jpeg_quality: float) -> RgbU8:
    _, encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(jpeg_quality)])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def washed_out(crop: RgbU8, veil: float) -> RgbU8:
    return (crop * (1 - veil) + 128 * veil).astype(np.uint8)


def lit_from_one_side(crop: RgbU8, fall: float) -> RgbU8:
    """The side that is darker already falls into shadow."""
    ramp = np.linspace(1, 1 - fall, 112)
    left_is_darker = crop[45:95, 22:52].mean() < crop[45:95, 60:90].mean()
    return (crop * (ramp[::-1] if left_is_darker else ramp)[:, None]).astype(np.uint8)


def covered(crop: RgbU8, top: int, share: float) -> RgbU8:
    """A patch of the forehead's colour over the lower `share` of a band 20 pixels high."""
    hidden = crop.copy()
    hidden[top + round(20 * (1 - share)) : top + 20, 20:92] = np.median(crop[22:36, 40:72], (0, 1))
    return hidden


@pytest.mark.parametrize(
    ("component", "worse", "steps"),
    [
        ("sharpness_quality", blurred, (0.8, 1.5, 3.0)),
        ("underexposure_quality", lit, (0.6, 0.3, 0.1)),
        ("overexposure_quality", lit, (1.7, 2.5, 4.0)),
        ("dynamic_range_quality", washed_out, (0.4, 0.7, 0.9)),
        ("light_balance_quality", lit_from_one_side, (0.3, 0.6, 0.9)),
        ("compression_quality", compressed, (40, 15, 5)),
        ("mouth_visible_quality", lambda crop, share: covered(crop, 83, share), (0.6, 0.8, 1.0)),
        ("eyes_visible_quality", lambda crop, share: covered(crop, 42, share), (0.6, 0.8, 1.0)),
    ],
)
def test_a_worse_photo_is_rated_lower(
    bare: list[RgbU8],
    component: str,
    worse: Callable[[RgbU8, float], RgbU8],
    steps: tuple[float, ...],
) -> None:
    """Median over the crops at each step, and nearly every crop from none to the worst."""
    rated = np.array(
        [
            [getattr(of_crop(crop), component)]
            + [getattr(of_crop(worse(crop, step)), component) for step in steps]
            for crop in bare
        ]
    )
    medians = np.median(rated, axis=0)
    assert (np.diff(medians) < 0).all(), medians
    assert (rated[:, -1] < rated[:, 0]).mean() > 0.95
    assert medians[-1] < medians[0] - 5


def test_a_dim_photo_is_no_blurred_one(bare: list[RgbU8]) -> None:
    dim = [of_crop(lit(crop, 0.5)).sharpness_quality for crop in bare]
    soft = [of_crop(blurred(crop, 2.0)).sharpness_quality for crop in bare]
    assert np.median(dim) > 80 > np.median(soft) + 30


def mirror(crop: RgbU8, landmarks: LandmarksPx) -> tuple[RgbU8, LandmarksPx]:
    flipped = landmarks * np.array([-1, 1]) + np.array([crop.shape[1] - 1, 0])
    return np.ascontiguousarray(crop[:, ::-1]), flipped[[1, 0, 2, 4, 3]].astype(np.float32)


def test_a_mirrored_photo_is_as_good(
    campus: list[tuple[RgbU8, DetectedFace, dict[str, Any]]],
) -> None:
    for image, face, _ in campus[:12]:
        there_image, there_landmarks = mirror(image, face.landmarks_px)
        here = measure_quality(image, face)
        there = measure_quality(there_image, replace(face, landmarks_px=there_landmarks))
        assert there.yaw_deg == pytest.approx(-here.yaw_deg, abs=0.5)
        for name in COMPONENTS:
            expected = pytest.approx(getattr(here, name), abs=MIRROR_SLACK)
            assert getattr(there, name) == expected, name


def area_under_curve(positive: list[float], negative: list[float]) -> float:
    """Share of pairs in which the positive is the larger (Mann and Whitney)."""
    larger = np.subtract.outer(positive, negative)
    return float((larger > 0).mean() + (larger == 0).mean() / 2)


def test_masks_of_the_campus_are_seen(
    campus: list[tuple[RgbU8, DetectedFace, dict[str, Any]]],
) -> None:
    """They are drawn, hence flat: real cloth has folds and prints. A hint, no detector."""
    hidden: dict[str, list[float]] = {"yes": [], "no": []}
    for image, face, row in campus:
        hidden[row["mask"]].append(-measure_quality(image, face).mouth_visible_quality)
    assert min(len(hidden["yes"]), len(hidden["no"])) >= 15
    assert area_under_curve(hidden["yes"], hidden["no"]) > 0.9


def test_landmarks_on_one_point_are_refused() -> None:
    face = DetectedFace(BOX, np.full((5, 2), 50, np.float32), 0.9)
    with pytest.raises(FaceTooSmallError):
        measure_quality(noise(), face)


def test_quality_is_frozen() -> None:
    quality = of_crop(noise())
    with pytest.raises(FrozenInstanceError):
        quality.sharpness = 0.0  # type: ignore[misc]  # that it cannot be set is the point
