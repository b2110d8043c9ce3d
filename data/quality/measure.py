"""Measure one face of a picture: native figures, components and the whole."""

from dataclasses import asdict

from data.alignment import align, estimate_similarity
from data.face import DetectedFace, RgbU8, eye_distance_px
from data.quality.components import COMPRESSION, of_crop, of_landmarks
from data.quality.measures import blockiness, measure_crop
from data.quality.overall import overall
from data.quality.pose import head_pose
from data.quality.quality import Quality


def measure_quality(
    image_rgb_u8: RgbU8, face: DetectedFace, crop_rgb_u8: RgbU8 | None = None
) -> Quality:
    """Measure one face of a picture (height, width, 3).

    `crop_rgb_u8` is the face's aligned crop, for callers who have cut it already. Raises
    `FaceTooSmallError` where the landmarks do not span a face.
    """
    landmarks_px = face.landmarks_px
    residual_px = estimate_similarity(landmarks_px).residual_px
    crop = align(image_rgb_u8, landmarks_px) if crop_rgb_u8 is None else crop_rgb_u8
    measures, pose = measure_crop(crop), head_pose(landmarks_px)
    eyes_px, blocks = eye_distance_px(landmarks_px), blockiness(image_rgb_u8, landmarks_px)
    components = {
        "detection_quality": 100.0 * min(1.0, max(0.0, face.score)),
        "compression_quality": COMPRESSION(blocks),
        **of_crop(measures),
        **of_landmarks(eyes_px, residual_px, pose),
    }
    return Quality(
        detection_score=face.score,
        eye_distance_px=eyes_px,
        alignment_residual_px=residual_px,
        **asdict(measures),
        **asdict(pose),
        blockiness=blocks,
        **components,
        quality=overall(components),
    )
