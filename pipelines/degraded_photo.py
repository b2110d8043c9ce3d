"""Degrade one photo and take it through the path of the server, on several processes.

Apart from the stage, so that a worker process loads what it needs and no more.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.degrade.degrade import degrade_face
from data.detection.factory import open_detector
from data.detection.selection import select_face
from data.errors import ImageError, NoFaceError
from data.face import DetectedFace, LandmarksPx, RgbU8
from data.images import decode_image
from data.photos import read_photo
from data.quality import measure_quality
from pipelines.environment import usable_workers
from pipelines.in_order import in_order
from serving.bundle import Bundle, open_bundle
from serving.engine import EngineConfig, load_engine
from serving.release import DETECTOR_FOLDER

NOT_EMBEDDED = "not_embedded"
_FEW_TASKS: Final = 64
"""Below this the start of further processes takes longer than they save."""


@dataclass(frozen=True, slots=True)
class DegradeTask:
    """One photo and what is to be done to it."""

    path: str
    """As in the manifest."""
    landmarks_px: LandmarksPx
    operator: str
    severity: float
    seed: int
    keep_landmarks: bool = False
    """Whether the face is taken where it was before the change, and not looked for."""


@dataclass(frozen=True, slots=True)
class DegradedFace:
    """What the server would make of it: an embedding, or the reason why there is none."""

    embedding: NDArray[np.float32] | None
    """(dim,), of unit length."""
    reject_reason: str | None
    quality: float | None = None
    """Of the face, 0 to 100, also where it was too poor; None where no face was found."""


@dataclass(frozen=True, slots=True)
class DegradeSettings:
    """What decides over a degraded photo."""

    photos: Path
    bundle: Path
    bundle_digest: str
    detects: bool
    """Whether faces are looked for; else the photo's own landmarks, as they moved, are taken."""


class DegradedPhotos:
    """Decode, detect, select, judge and embed with one bundle, as the server does."""

    def __init__(self, settings: DegradeSettings, bundle: Bundle | None = None) -> None:
        """Load the bundle's networks; raises `BundleError`, `EngineError` or `WeightsError`."""
        bundle = bundle or open_bundle(
            settings.bundle, settings.bundle_digest, require_released=False
        )
        self._photos = settings.photos
        self._release = bundle.release
        self._engine = load_engine(bundle, EngineConfig())
        self._detector = (
            open_detector(bundle.folder / DETECTOR_FOLDER, bundle.release.detector)
            if settings.detects
            else None
        )

    def take(self, task: DegradeTask) -> DegradedFace:
        """Take one photo; every refusal comes back as a reason, none is raised."""
        clean = decode_image(read_photo(self._photos, task.path))
        degraded = degrade_face(clean, task.landmarks_px, task.operator, task.severity, task.seed)
        given = degraded.landmarks_px if self._detector is None else None
        if task.keep_landmarks:
            given = task.landmarks_px
        return self.look(degraded.image_rgb_u8, given)

    def look(self, image_rgb_u8: RgbU8, landmarks_px: LandmarksPx | None) -> DegradedFace:
        """Take one picture, and look for the face where no landmarks are given."""
        quality = None
        try:
            image = decode_image(_as_file(image_rgb_u8))
            face = self._face(image, landmarks_px)
            measured = measure_quality(image, face)
            quality = measured.quality
            self._release.quality_policy.check(measured)
        except ImageError as error:
            return DegradedFace(None, error.code, quality)
        embedding = self._engine.embed(image[None], face.landmarks_px[None])[0]
        if not embedding.any():
            return DegradedFace(None, NOT_EMBEDDED, quality)
        return DegradedFace(embedding, None, quality)

    def _face(self, image: RgbU8, landmarks_px: LandmarksPx | None) -> DetectedFace:
        height, width = image.shape[:2]
        if landmarks_px is not None:
            given = DetectedFace((0.0, 0.0, float(width), float(height)), landmarks_px, 1.0)
            return select_face([given], (height, width), self._release.face_policy)
        if self._detector is None:
            raise NoFaceError("no landmarks are given, and nothing looks for a face")
        faces = self._detector.detect(image)
        return select_face(faces, (height, width), self._release.face_policy)


def take_all(
    tasks: Sequence[DegradeTask],
    settings: DegradeSettings,
    workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[DegradedFace]:
    """Take photos on several processes; results come in the order of the tasks."""
    if not tasks:
        return
    found = in_order(_degrader, settings, tasks, workers)
    for done, face in enumerate(found, start=1):
        progress(done, len(tasks))
        yield face


def workers_for(num_tasks: int) -> int:
    """How many processes are worth starting for so many photos."""
    return 1 if num_tasks < _FEW_TASKS else usable_workers()


def _degrader(settings: DegradeSettings) -> Callable[[DegradeTask], DegradedFace]:
    return DegradedPhotos(settings).take


def _as_file(image_rgb_u8: RgbU8) -> bytes:
    """Encode without loss, so that only the operator has changed the photo."""
    bgr = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])
