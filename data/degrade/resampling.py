"""What a picture loses on its way: compression, too few pixels, a camera held askew."""

from typing import Final

import cv2
import numpy as np

from data.degrade.base import Change
from data.degrade.face_frame import FaceFrame
from data.face import RgbU8

_BEST_QUALITY: Final = 95
_WORST_QUALITY: Final = 5
_FEWEST_PIXELS: Final = 6.0
"""Between the eyes, at the greatest severity."""
_LARGEST_TURN_DEG: Final = 35.0


def jpeg(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,  # noqa: ARG001 - a file knows no face
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Compress as JPEG with chroma halved, from quality 95 down to 5."""
    quality = round(_BEST_QUALITY - severity * (_BEST_QUALITY - _WORST_QUALITY))
    bgr = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR)
    content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(content, cv2.IMREAD_COLOR_RGB)
    return Change(np.asarray(decoded, dtype=np.uint8), {"quality": float(quality)})


def low_resolution(
    image_rgb_u8: RgbU8,
    frame: FaceFrame,
    severity: float,
    rng: np.random.Generator,  # noqa: ARG001 - nothing is drawn
) -> Change:
    """Shrink until as few as 6 pixels lie between the eyes, and blow up to the old size again."""
    height, width = image_rgb_u8.shape[:2]
    scale = min(1.0, (_FEWEST_PIXELS / frame.unit_px) ** severity)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image_rgb_u8, size, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return Change(large.astype(np.uint8, copy=False), {"eye_distance_px": frame.unit_px * scale})


def rotation(
    image_rgb_u8: RgbU8, frame: FaceFrame, severity: float, rng: np.random.Generator
) -> Change:
    """Turn about the face by up to 35 degrees to a drawn side; the border's pixels fill up."""
    angle_deg = float(rng.choice([-1.0, 1.0])) * severity * _LARGEST_TURN_DEG
    centre = [float(v) for v in frame.landmarks_px.mean(0)]
    matrix = cv2.getRotationMatrix2D(centre, angle_deg, 1.0)
    height, width = image_rgb_u8.shape[:2]
    turned = cv2.warpAffine(
        image_rgb_u8,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    facts = {"angle_deg": angle_deg}
    return Change(turned.astype(np.uint8, copy=False), {**facts}, np.asarray(matrix))
