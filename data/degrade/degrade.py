"""Degrade a good photo on purpose, by name, by degrees and by seed."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

import cv2
import numpy as np

from data.degrade.base import DegradeError, Facts, Operator
from data.degrade.blur import defocus_blur, motion_blur
from data.degrade.colour import brightness, gamma, greyscale, white_balance
from data.degrade.eyewear import glasses, sunglasses
from data.degrade.face_frame import FaceFrame
from data.degrade.face_mask import mask
from data.degrade.geometry import mirror, scale, shift
from data.degrade.light import backlight, glare, low_light, noise, overexposure
from data.degrade.occlusion import hair, hand
from data.degrade.resampling import jpeg, low_resolution, rotation
from data.face import LandmarksPx, RgbU8

OperatorName = Literal[
    "motion_blur",
    "defocus_blur",
    "low_light",
    "overexposure",
    "glare",
    "backlight",
    "hand",
    "hair",
    "glasses",
    "sunglasses",
    "mask",
    "jpeg",
    "low_resolution",
    "rotation",
    "noise",
    "brightness",
    "gamma",
    "white_balance",
    "greyscale",
    "mirror",
    "shift",
    "scale",
]
OPERATORS: Final = get_args(OperatorName)
_OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    {
        "motion_blur": motion_blur,
        "defocus_blur": defocus_blur,
        "low_light": low_light,
        "overexposure": overexposure,
        "glare": glare,
        "backlight": backlight,
        "hand": hand,
        "hair": hair,
        "glasses": glasses,
        "sunglasses": sunglasses,
        "mask": mask,
        "jpeg": jpeg,
        "low_resolution": low_resolution,
        "rotation": rotation,
        "noise": noise,
        "brightness": brightness,
        "gamma": gamma,
        "white_balance": white_balance,
        "greyscale": greyscale,
        "mirror": mirror,
        "shift": shift,
        "scale": scale,
    }
)
_MIRRORED: Final = [1, 0, 2, 4, 3]
"""Left and right are as seen in the picture, so a mirrored face has them exchanged."""
_LEAST_UNIT_PX: Final = 1.0
_LEAST_AREA: Final = 0.02
"""Of the square over the eye distance, as the camera sees it; a face in front has 1."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A degraded photo, where its landmarks are now, and what was drawn."""

    image_rgb_u8: RgbU8
    landmarks_px: LandmarksPx
    facts: Facts


def degrade(
    image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, operator: str, severity: float, seed: int
) -> RgbU8:
    """Degrade a photo (height, width, 3) with one face; gives a picture of the same shape.

    Severity goes from 0, an exact copy, to 1. The same seed draws the same direction, place, shape
    and colour at every severity. Raises `DegradeError` for an unknown operator, a severity outside
    0 to 1, a picture that is not uint8 RGB, and landmarks that span no face.
    """
    return degrade_face(image_rgb_u8, landmarks_px, operator, severity, seed).image_rgb_u8


def degrade_face(
    image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, operator: str, severity: float, seed: int
) -> Degraded:
    """`degrade`, together with the landmarks as the operator moved them and what it drew."""
    _check(image_rgb_u8, landmarks_px, operator, severity)
    if severity == 0:
        return Degraded(image_rgb_u8.copy(), landmarks_px.copy(), {})
    rng = np.random.default_rng([seed, zlib.crc32(operator.encode())])
    frame = _frame(landmarks_px)
    change = _OPERATORS[operator](image_rgb_u8, frame, severity, rng)
    moved = landmarks_px.copy()
    if change.matrix is not None:
        moved = cv2.transform(landmarks_px[None], change.matrix)[0].astype(np.float32)
        if np.linalg.det(change.matrix[:, :2]) < 0:
            moved = moved[_MIRRORED]
    return Degraded(change.image_rgb_u8, moved, {"operator": operator, **change.facts})


def _check(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx, operator: str, severity: float) -> None:
    if operator not in _OPERATORS:
        raise DegradeError(f"no operator {operator!r}; choose one of: {', '.join(OPERATORS)}")
    if not 0 <= severity <= 1:
        raise DegradeError(f"severity is {severity}; it must lie between 0 and 1")
    if image_rgb_u8.dtype != np.uint8 or image_rgb_u8.ndim != 3 or image_rgb_u8.shape[2] != 3:
        raise DegradeError(f"{image_rgb_u8.dtype} {image_rgb_u8.shape} is no uint8 RGB picture")
    if landmarks_px.shape != (5, 2) or not np.isfinite(landmarks_px).all():
        raise DegradeError(f"landmarks {landmarks_px.shape} are not five finite points")


def _frame(landmarks_px: LandmarksPx) -> FaceFrame:
    """Raise `DegradeError` where the five landmarks lie on one point or one line."""
    frame = FaceFrame.of(landmarks_px)
    if frame.unit_px < _LEAST_UNIT_PX:
        raise DegradeError(
            f"the eyes are {frame.unit_px:.2f} pixels apart; that is no face to change"
        )
    area = abs(float(np.linalg.det(frame.camera[:, :2]))) / frame.unit_px**2
    if area < _LEAST_AREA:
        raise DegradeError("the five landmarks lie on one line; that is no face to change")
    return frame
