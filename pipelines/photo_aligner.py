"""Read, decode, detect, select, measure, judge and crop photos, on several processes.

Apart from the stage, so that a worker process loads what it needs and no more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.alignment import align, estimate_similarity
from data.detection.config import DetectorConfig, FacePolicy
from data.detection.factory import open_detector
from data.detection.landmark_error import landmark_error
from data.detection.selection import select_face
from data.errors import ImageError, NoFaceError
from data.face import CROP_SIZE_PX, TEMPLATE_PX, DetectedFace, LandmarksPx, RgbU8
from data.images import Photo, decode_photo
from data.photos import read_photo
from data.quality import Quality, measure_quality
from data.quality_policy import QualityPolicy
from pipelines.errors import StageError
from pipelines.in_order import in_order

_SAME_PX = 1e-3


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """One photo to take, and what its source knows of the face in it."""

    path: str
    """As in the manifest."""
    true_landmarks_px: LandmarksPx | None
    """In pixels of the file."""
    true_score: float
    """Of the detector that the true landmarks came from; 1 where it is not known."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """What came out of one photo: a face and its crop, or the reason why there is no crop.

    A crop that stays in its source is not here, and there is no reason either.
    """

    face: DetectedFace | None = None
    quality: Quality | None = None
    crop_rgb_u8: RgbU8 | None = None
    reject_reason: str | None = None
    landmark_error: float | None = None
    """Mean distance from the true landmarks as a share of their eye distance, where known."""


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """What decides over a photo."""

    photos: Path
    networks: Path
    detector: DetectorConfig | None
    """None takes the landmarks that came with the source."""
    face_policy: FacePolicy
    quality_policy: QualityPolicy
    crops_in_source: bool = False
    """Whether every photo has to be its own crop, which is then not handed over once more."""


class PhotoAligner:
    """Read, decode, detect, select, measure, judge and crop, as the server does.

    Photos are taken one by one: on a CPU a detector is no faster on several at once.
    """

    def __init__(self, settings: AlignSettings) -> None:
        """Load the detector; raises `WeightsError`."""
        self._settings = settings
        config = settings.detector
        self._detector = None if config is None else open_detector(settings.networks, config)

    def look(self, task: PhotoTask) -> FoundFace:
        """Take one photo; every refusal comes back as a reason, none is raised.

        Raises `SourceError` where the photo itself is missing or its record broken, `StageError`
        where it has to be its own crop and is not.
        """
        content = read_photo(self._settings.photos, task.path)
        try:
            photo = decode_photo(content)
            face = self._face(photo, task)
            found = self._judged(photo, face)
        except ImageError as error:
            return FoundFace(reject_reason=error.code)
        found = replace(found, landmark_error=_error(photo, face, task))
        return self._left_in_source(found, photo, task) if self._settings.crops_in_source else found

    def _left_in_source(self, found: FoundFace, photo: Photo, task: PhotoTask) -> FoundFace:
        if found.crop_rgb_u8 is not None and found.crop_rgb_u8 is not photo.image_rgb_u8:
            raise StageError(f"{task.path} is no aligned crop; set align.crops to `packed`")
        return replace(found, crop_rgb_u8=None)

    def _face(self, photo: Photo, task: PhotoTask) -> DetectedFace:
        image = photo.image_rgb_u8
        faces = self._given(photo, task) if self._detector is None else self._detector.detect(image)
        return select_face(faces, (image.shape[0], image.shape[1]), self._settings.face_policy)

    def _given(self, photo: Photo, task: PhotoTask) -> list[DetectedFace]:
        if task.true_landmarks_px is None:
            raise NoFaceError("its source gives no landmarks")
        landmarks_px = photo.in_picture_px(task.true_landmarks_px).astype(np.float32)
        return [DetectedFace(box_of_crop(landmarks_px), landmarks_px, task.true_score)]

    def _judged(self, photo: Photo, face: DetectedFace) -> FoundFace:
        """A face of too poor quality keeps its figures, so that thresholds can be studied."""
        crop = cut_crop(photo.image_rgb_u8, face.landmarks_px)
        quality = measure_quality(photo.image_rgb_u8, face, crop)
        try:
            self._settings.quality_policy.check(quality)
        except ImageError as error:
            return FoundFace(face, quality, reject_reason=error.code)
        return FoundFace(face, quality, crop)


def cut_crop(image_rgb_u8: RgbU8, landmarks_px: LandmarksPx) -> RgbU8:
    """The (112, 112, 3) crop; a picture that is an aligned crop already comes back bit by bit."""
    if image_rgb_u8.shape[:2] == (CROP_SIZE_PX, CROP_SIZE_PX) and np.allclose(
        landmarks_px, TEMPLATE_PX, rtol=0, atol=_SAME_PX
    ):
        return image_rgb_u8
    return align(image_rgb_u8, landmarks_px)


def box_of_crop(landmarks_px: LandmarksPx) -> tuple[float, float, float, float]:
    """The upright box around the crop that landmarks lead to, in pixels of the picture.

    Stands for the detector's box where landmarks are given. Raises `FaceTooSmallError`.
    """
    matrix = estimate_similarity(landmarks_px).matrix
    edge = CROP_SIZE_PX - 0.5  # a crop's pixels have their middles at whole numbers
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    found = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T + 0.5
    (x0, y0), (x1, y1) = found.min(0), found.max(0)
    return float(x0), float(y0), float(x1), float(y1)


def look_at_all(
    tasks: Iterable[PhotoTask],
    settings: AlignSettings,
    workers: int,
    progress: Callable[[int], None],
) -> Iterator[FoundFace]:
    """Take photos on several processes; results come in the order of the tasks.

    `progress` is called with the number of photos done.
    """
    found = in_order(_aligner, settings, tasks, workers)
    for done, face in enumerate(found, start=1):
        progress(done)
        yield face


def _aligner(settings: AlignSettings) -> Callable[[PhotoTask], FoundFace]:
    return PhotoAligner(settings).look


def _error(photo: Photo, face: DetectedFace, task: PhotoTask) -> float | None:
    if task.true_landmarks_px is None:
        return None
    true_px = photo.in_picture_px(task.true_landmarks_px).astype(np.float32)
    return landmark_error(face.landmarks_px, true_px)
