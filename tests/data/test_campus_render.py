"""Rendered photographs: the same for the same index, with landmarks where the face is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.face import TEMPLATE_PX
from data.images import decode_image
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.sources.campus import CampusConfig, CampusConfigError, render_photo
from data.sources.campus.capture import Capture, sample_capture
from data.sources.campus.portrait import Portrait, portrait_of
from data.sources.campus.render import render_scene

CONFIG = CampusConfig(num_subjects=40, photos_per_subject=6)


def _scene(subject: int) -> tuple[Portrait, Capture]:
    portrait = portrait_of(CONFIG, subject)
    capture = sample_capture(CONFIG, portrait.who, 0)
    return portrait, replace(capture, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, glasses=False)


def _landmarks(subject: int, **changes: float) -> NDArray[np.float64]:
    portrait, capture = _scene(subject)
    return render_scene(portrait, replace(capture, **changes))[1]  # type: ignore[arg-type]  # floats only


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 239))
def test_same_index_gives_the_same_bytes_and_row(index: int) -> None:
    first = render_photo(CONFIG, index)
    render_photo(CONFIG, (index + 77) % CONFIG.num_photos)
    assert render_photo(CONFIG, index) == first


@pytest.mark.parametrize("index", [0, 5, 13])
def test_a_photo_does_not_depend_on_how_many_are_made(index: int) -> None:
    subject, photo = divmod(index, CONFIG.photos_per_subject)
    larger = CampusConfig(num_subjects=5000, photos_per_subject=100)
    assert render_photo(CONFIG, index) == render_photo(larger, subject * 100 + photo)


def test_seed_student_and_photo_each_change_the_picture() -> None:
    other = CONFIG.model_copy(update={"seed": CONFIG.seed + 1})
    contents = {
        render_photo(CONFIG, 0)[0],
        render_photo(CONFIG, 1)[0],
        render_photo(CONFIG, CONFIG.photos_per_subject)[0],
        render_photo(other, 0)[0],
    }
    assert len(contents) == 4


@pytest.mark.parametrize("index", [-1, 240])
def test_an_index_outside_the_campus_is_refused(index: int) -> None:
    with pytest.raises(CampusConfigError, match="num_subjects"):
        render_photo(CONFIG, index)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 239))
def test_true_landmarks_lie_inside_and_in_order(index: int) -> None:
    content, row = render_photo(CONFIG, index)
    picture = decode_image(content)
    points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS]).reshape(5, 2)
    wanted = CONFIG.capture(row["capture_kind"])
    assert picture.shape == (wanted.height_px, wanted.width_px, 3)
    assert (points >= 0).all()
    assert (points < (wanted.width_px, wanted.height_px)).all()
    across = points[1] - points[0]
    down = np.array([-across[1], across[0]])
    assert points[3:].mean(0) @ down > points[2] @ down > points[:2].mean(0) @ down
    assert (points[4] - points[3]) @ across > 0
    assert picture.std() > 10


@pytest.mark.parametrize("subject", range(6))
def test_frontal_landmarks_have_the_proportions_of_the_face_contract(subject: int) -> None:
    points = _landmarks(subject)
    unit = np.linalg.norm(points[1] - points[0])
    wanted = np.linalg.norm(TEMPLATE_PX[1] - TEMPLATE_PX[0])
    middle, middle_wanted = points[:2].mean(0), TEMPLATE_PX[:2].mean(0)
    off = (points - middle) / unit - (TEMPLATE_PX - middle_wanted) / wanted
    assert np.abs(off).max() < 0.3


def test_eyes_are_as_far_apart_as_asked() -> None:
    points = _landmarks(3, eye_distance_px=64.0)
    assert np.linalg.norm(points[1] - points[0]) == pytest.approx(64, rel=0.08)


def test_landmarks_follow_the_pose() -> None:
    frontal = _landmarks(2)
    middle = frontal[:2].mean(0)[0]
    right, left = _landmarks(2, yaw_deg=25.0), _landmarks(2, yaw_deg=-25.0)
    assert right[2, 0] - right[:2].mean(0)[0] > 5 > -5 > left[2, 0] - left[:2].mean(0)[0]
    assert abs(frontal[2, 0] - middle) < 1
    up, down = _landmarks(2, pitch_deg=-15.0), _landmarks(2, pitch_deg=15.0)
    drop = [(p[2, 1] - p[:2, 1].mean()) for p in (up, frontal, down)]
    assert drop == sorted(drop)
    tilted = _landmarks(2, roll_deg=15.0)
    across = tilted[1] - tilted[0]
    assert np.degrees(np.arctan2(-across[1], across[0])) == pytest.approx(15, abs=1)


def test_the_eye_is_where_its_landmark_says() -> None:
    """The pupil is the darkest round thing near the eye landmark of a clear photo."""
    portrait, capture = _scene(2)
    still = replace(
        capture,
        eye_distance_px=90.0,
        width_px=480,
        height_px=480,
        expression=replace(capture.expression, gaze_x=0.0, gaze_y=0.0, eye_closure=0.0),
    )
    picture, points = render_scene(portrait, still)
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 4)
    for x, y in points[:2]:
        reach = 14
        patch = grey[int(y) - reach : int(y) + reach, int(x) - reach : int(x) + reach]
        row, column = np.unravel_index(int(patch.argmin()), patch.shape)
        assert np.hypot(row - reach, column - reach) < 9


def test_mask_and_glasses_change_their_part_of_the_face() -> None:
    portrait, capture = _scene(4)
    bare, points = render_scene(portrait, replace(capture, mask=False))
    masked, masked_points = render_scene(portrait, replace(capture, mask=True))
    glazed, _ = render_scene(portrait, replace(capture, glasses=True))
    np.testing.assert_array_equal(points, masked_points)
    mouth, eye = points[3:].mean(0).astype(int), points[0].astype(int)

    def change(picture: NDArray[np.uint8], at: NDArray[np.int_]) -> float:
        window = (slice(at[1] - 18, at[1] + 18), slice(at[0] - 24, at[0] + 24))
        return float(np.abs(picture[window].astype(int) - bare[window]).mean())

    assert change(masked, mouth) > 10 > change(masked, eye)
    assert change(glazed, eye) > 3 > change(glazed, mouth)


def test_attributes_are_those_of_the_scene() -> None:
    rows = [render_photo(CONFIG, index)[1] for index in range(12)]
    for index, row in enumerate(rows):
        subject, photo = divmod(index, 6)
        who = portrait_of(CONFIG, subject).who
        capture = sample_capture(CONFIG, who, photo)
        assert row["subject_id"] == f"s{subject:06d}"
        assert row["skin_tone"] == f"monk_{who.colouring.monk_tone:02d}"
        assert row["glasses"] == ("yes" if capture.glasses else "no")
        assert row["pose_band"] in {"frontal", "half", "side"}
        assert row["lighting"] == capture.light.band
        assert row["gender_provenance"] == "ground_truth"
