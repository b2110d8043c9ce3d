"""The one face that a photo is about, or a typed reason why there is none."""

from collections.abc import Sequence

import numpy as np

from data.detection.config import FacePolicy
from data.errors import FaceTooObliqueError, FaceTooSmallError, NoFaceError, SeveralFacesError
from data.face import DetectedFace, LandmarksPx, eye_distance_px


def nose_offset(landmarks_px: LandmarksPx) -> float:
    """Distance of the nose from the middle of the eyes along the eye axis, in eye distances.

    It does not change when the picture is shifted, scaled, rotated or mirrored. It is infinite
    where both eyes are one point.
    """
    left_eye, right_eye, nose = landmarks_px[:3].astype(np.float64)
    axis = right_eye - left_eye
    length2 = float(axis @ axis)
    if length2 == 0.0:
        return float("inf")
    return abs(float((nose - (left_eye + right_eye) / 2) @ axis)) / length2


def _centrality(face: DetectedFace, shape_hw: tuple[int, int]) -> float:
    x0, y0, x1, y1 = face.box_px
    dx, dy = (x0 + x1 - shape_hw[1]) / 2, (y0 + y1 - shape_hw[0]) / 2
    return face.area_px2 - 2 * (dx * dx + dy * dy)


def _choose(
    faces: Sequence[DetectedFace], shape_hw: tuple[int, int], policy: FacePolicy
) -> DetectedFace:
    if policy.selection == "largest_central":
        return max(faces, key=lambda face: _centrality(face, shape_hw))
    largest = max(faces, key=lambda face: face.area_px2)
    least = policy.ignore_smaller_than * largest.area_px2
    count = sum(face.area_px2 >= least for face in faces)
    if count > 1:
        raise SeveralFacesError(f"{count} faces of similar size, expected one")
    return largest


def select_face(
    faces: Sequence[DetectedFace], image_shape_hw: tuple[int, int], policy: FacePolicy
) -> DetectedFace:
    """Choose the face that a picture of the given height and width is about.

    `largest_central` takes the largest value of box area minus twice the squared distance from the
    picture's centre (InsightFace's rule). Raises `NoFaceError`, `SeveralFacesError`,
    `FaceTooSmallError` or `FaceTooObliqueError`.
    """
    if not faces:
        height, width = image_shape_hw
        raise NoFaceError(f"no face found in a picture of {width} x {height} pixels")
    face = _choose(faces, image_shape_hw, policy)
    eyes_px = eye_distance_px(face.landmarks_px)
    if eyes_px < policy.min_eye_distance_px:
        raise FaceTooSmallError(
            f"the eyes are {eyes_px:.1f} pixels apart,"
            f" at least {policy.min_eye_distance_px:g} are needed"
        )
    offset = nose_offset(face.landmarks_px)
    if offset > policy.max_nose_offset:
        raise FaceTooObliqueError(
            f"the nose is {offset:.2f} eye distances off the middle of the eyes,"
            f" at most {policy.max_nose_offset:g} is allowed"
        )
    return face
