import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data.detection.config import (
    DETECTOR_CONFIG,
    DetectorConfig,
    FacePolicy,
    MtcnnConfig,
    RetinafaceConfig,
    ScrfdConfig,
    YunetConfig,
)
from data.detection.selection import nose_offset, select_face
from data.errors import FaceTooObliqueError, FaceTooSmallError, NoFaceError, SeveralFacesError
from data.face import TEMPLATE_PX, DetectedFace, LandmarksPx

SHAPE_HW = (480, 640)
LARGEST = FacePolicy(selection="largest_central")


def face(x: float, y: float, side: float, score: float = 0.9) -> DetectedFace:
    landmarks = (TEMPLATE_PX / 112 * side + np.array([x, y])).astype(np.float32)
    return DetectedFace((x, y, x + side, y + side), landmarks, score)


def turned(landmarks_px: LandmarksPx, offset: float) -> DetectedFace:
    moved = landmarks_px.copy()
    moved[2] = moved[:2].mean(0) + offset * (moved[1] - moved[0]) + [0, 20]
    return DetectedFace((0, 0, 112, 112), moved, 0.9)


@pytest.mark.parametrize("policy", [FacePolicy(), LARGEST])
def test_one_good_face_is_taken(policy: FacePolicy) -> None:
    only = face(200, 100, 150)
    assert select_face([only], SHAPE_HW, policy) is only


@pytest.mark.parametrize("policy", [FacePolicy(), LARGEST])
def test_no_face(policy: FacePolicy) -> None:
    with pytest.raises(NoFaceError, match="640 x 480"):
        select_face([], SHAPE_HW, policy)


def test_two_faces_of_similar_size_are_refused() -> None:
    with pytest.raises(SeveralFacesError, match="2 faces"):
        select_face([face(50, 100, 150), face(350, 100, 120)], SHAPE_HW, FacePolicy())


def test_a_face_in_the_background_is_ignored() -> None:
    main = face(200, 100, 150, score=0.85)
    assert select_face([face(20, 20, 74), main], SHAPE_HW, FacePolicy()) is main
    with pytest.raises(SeveralFacesError):
        select_face([face(20, 20, 76), main], SHAPE_HW, FacePolicy())


def test_none_or_all_of_the_background_can_be_ignored() -> None:
    main, other = face(200, 100, 150), face(20, 20, 140)
    assert select_face([other, main], SHAPE_HW, FacePolicy(ignore_smaller_than=1)) is main
    with pytest.raises(SeveralFacesError):
        select_face([face(20, 20, 10), main], SHAPE_HW, FacePolicy(ignore_smaller_than=0))


def test_the_centre_beats_a_slightly_larger_face_at_the_edge() -> None:
    central, edge = face(260, 180, 110), face(0, 0, 130)
    assert select_face([edge, central], SHAPE_HW, LARGEST) is central


def test_a_much_larger_face_beats_the_centre() -> None:
    central, large = face(300, 220, 60), face(100, 50, 300)
    assert select_face([central, large], SHAPE_HW, LARGEST) is large


def test_too_small_names_both_distances() -> None:
    with pytest.raises(FaceTooSmallError, match=r"9\.4 pixels apart.*at least 20"):
        select_face([face(300, 200, 30)], SHAPE_HW, FacePolicy(min_eye_distance_px=20))


def test_too_oblique_names_the_offset() -> None:
    with pytest.raises(FaceTooObliqueError, match=r"0\.70 eye distances.*at most 0\.55"):
        select_face([turned(TEMPLATE_PX, 0.7)], SHAPE_HW, FacePolicy())


def test_coinciding_eyes_are_infinitely_oblique() -> None:
    landmarks = TEMPLATE_PX.copy()
    landmarks[1] = landmarks[0]
    side_face = DetectedFace((0, 0, 112, 112), landmarks, 0.9)
    with pytest.raises(FaceTooObliqueError, match="inf"):
        select_face([side_face], SHAPE_HW, FacePolicy(min_eye_distance_px=0))


def test_the_template_looks_straight_ahead() -> None:
    assert nose_offset(TEMPLATE_PX) < 0.01


@given(
    offset=st.floats(-1, 1),
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.2, 5),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
    mirrored=st.booleans(),
)
def test_nose_offset_ignores_position_size_roll_and_side(
    offset: float, angle: float, scale: float, shift: tuple[float, float], mirrored: bool
) -> None:
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    points = turned(TEMPLATE_PX, offset).landmarks_px.astype(np.float64)
    if mirrored:
        points = (points * [-1, 1])[[1, 0, 2, 4, 3]]
    moved = points @ np.array([[cosine, sine], [-sine, cosine]]) + shift
    # the nose lies 20 crop pixels below eyes that are tilted by 0.3 degrees
    assert nose_offset(moved.astype(np.float32)) == pytest.approx(abs(offset), abs=0.01)


@given(
    st.lists(st.builds(face, st.floats(0, 500), st.floats(0, 400), st.floats(1, 300)), max_size=6)
)
def test_largest_central_takes_one_of_the_faces_or_says_why_not(
    faces: list[DetectedFace],
) -> None:
    try:
        chosen = select_face(faces, SHAPE_HW, LARGEST)
    except NoFaceError:
        assert not faces
    except FaceTooSmallError:
        assert min(f.area_px2 for f in faces) < 70**2
    else:
        assert any(chosen is f for f in faces)


@pytest.mark.parametrize(
    "wrong",
    [
        {"selection": "first"},
        {"ignore_smaller_than": 1.1},
        {"min_eye_distance_px": -1},
        {"max_nose_offset": 0},
        {"colour": "green"},
    ],
)
def test_policy_refuses(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FacePolicy.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "dlib"},
        {"min_face_px": 11},
        {"scale_factor": 1.0},
        {"output_threshold": 0},
        {"threads": 1},
        {"max_side": 100},
    ],
)
def test_detector_config_refuses(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MtcnnConfig.model_validate(wrong)


@pytest.mark.parametrize(
    "config", [MtcnnConfig(), YunetConfig(), RetinafaceConfig(), ScrfdConfig()]
)
def test_a_name_picks_the_settings(config: DetectorConfig) -> None:
    assert DETECTOR_CONFIG.validate_python({"name": config.name}) == config
    assert DETECTOR_CONFIG.validate_json(DETECTOR_CONFIG.dump_json(config), strict=True) == config


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"name": "dlib"},
        {"name": "yunet", "min_face_px": 40},
        {"name": "scrfd", "weights": "yunet_2026may"},
        {"name": "retinaface", "max_side_px": 320},
        {"name": "yunet", "score_threshold": 1.0},
    ],
)
def test_settings_of_no_detector_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DETECTOR_CONFIG.validate_python(wrong)
