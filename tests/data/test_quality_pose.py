import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data.face import TEMPLATE_PX, LandmarksPx
from data.manifest import TRUE_LANDMARK_COLUMNS
from data.quality.pose import HeadPose, head_pose
from data.sources.campus.capture import sample_capture
from data.sources.campus.config import CampusConfig
from data.sources.campus.portrait import portrait_of
from data.sources.campus.render import render_photo

NOSE = 2


def moved(x: float, y: float) -> LandmarksPx:
    landmarks = TEMPLATE_PX.copy()
    landmarks[NOSE] += (x, y)
    return landmarks


def rolled(landmarks: LandmarksPx, angle_deg: float, scale: float, shift: float) -> LandmarksPx:
    """Turned clockwise in the picture, then scaled and shifted."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turned = landmarks @ np.array([[cos, sin], [-sin, cos]]) * scale + shift
    return np.asarray(turned, np.float32)


def mirrored(landmarks: LandmarksPx) -> LandmarksPx:
    flipped = landmarks * np.array([-1, 1]) + np.array([111, 0])
    return np.asarray(flipped[[1, 0, 2, 4, 3]], np.float32)


def angles(pose: HeadPose) -> NDArray[np.float64]:
    return np.array([pose.yaw_deg, pose.pitch_deg, pose.roll_deg])


def test_the_template_looks_into_the_camera() -> None:
    np.testing.assert_allclose(angles(head_pose(TEMPLATE_PX)), 0, atol=0.5)


def test_the_nose_leads() -> None:
    assert head_pose(moved(6, 0)).yaw_deg > 10
    assert head_pose(moved(-6, 0)).yaw_deg < -10
    assert head_pose(moved(0, 6)).pitch_deg > 10
    assert head_pose(moved(0, -6)).pitch_deg < -10


@given(st.floats(-179, 179), st.floats(0.2, 20), st.floats(-500, 500))
def test_only_roll_follows_the_camera(angle: float, scale: float, shift: float) -> None:
    plain = head_pose(moved(5, 3))
    turned = head_pose(rolled(moved(5, 3), angle, scale, shift))
    assert turned.yaw_deg == pytest.approx(plain.yaw_deg, abs=0.1)
    assert turned.pitch_deg == pytest.approx(plain.pitch_deg, abs=0.1)
    difference = (turned.roll_deg - plain.roll_deg - angle + 180) % 360 - 180
    assert difference == pytest.approx(0, abs=0.1)


@given(st.floats(-12, 12), st.floats(-12, 12))
def test_a_mirrored_face_looks_the_other_way(x: float, y: float) -> None:
    here, there = head_pose(moved(x, y)), head_pose(mirrored(moved(x, y)))
    np.testing.assert_allclose(angles(here), angles(there) * [-1, 1, -1], atol=0.05)


@given(st.lists(st.floats(0, 15), min_size=2, max_size=6, unique=True))
def test_yaw_rises_with_the_nose(offsets: list[float]) -> None:
    yaws = [head_pose(moved(offset, 0)).yaw_deg for offset in sorted(offsets)]
    assert yaws == sorted(yaws)


def test_one_point_has_no_pose() -> None:
    assert np.isnan(angles(head_pose(np.zeros((5, 2), np.float32)))).all()


def test_the_campus_heads_are_turned_as_measured() -> None:
    """True angles of rendered heads; a pinhole near by makes noses longer than they are."""
    config = CampusConfig(num_subjects=6, photos_per_subject=5)
    true, found = [], []
    for index in range(config.num_photos):
        _, row = render_photo(config, index)
        points = np.array([row[name] for name in TRUE_LANDMARK_COLUMNS], np.float32).reshape(5, 2)
        subject, photo = divmod(index, config.photos_per_subject)
        capture = sample_capture(config, portrait_of(config, subject).who, photo)
        true.append((capture.yaw_deg, capture.pitch_deg, capture.roll_deg))
        found.append(angles(head_pose(points)))
    true_deg, found_deg = np.array(true), np.array(found)
    yaw, pitch, roll = (abs(np.corrcoef(true_deg[:, n], found_deg[:, n])[0, 1]) for n in range(3))
    assert yaw > 0.95
    assert pitch > 0.6
    assert roll > 0.95
    assert np.abs(found_deg[:, 2] + true_deg[:, 2]).mean() < 2.5  # the campus counts the other way
