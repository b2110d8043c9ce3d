"""Decode, detect, select, measure and crop photos, on several processes.

Apart from the stage, so that a worker process loads what it needs and no more.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from data.alignment import align
from data.detection.config import DetectorConfig, FacePolicy
from data.detection.mtcnn import Mtcnn
from data.detection.selection import select_face
from data.errors import ImageError
from data.face import DetectedFace, RgbU8
from data.images import decode_image
from data.quality import Quality, measure_quality

_CHUNK: Final = 16  # photos handed to a worker at once: enough to hide the hand-over


@dataclass(frozen=True, slots=True)
class FoundFace:
    """What came out of one photo: a face and its crop, or the reason why there is none."""

    face: DetectedFace | None
    quality: Quality | None
    crop_rgb_u8: RgbU8 | None
    reject_reason: str | None


class PhotoAligner:
    """Decode, detect, select, measure and crop, as the server does."""

    def __init__(self, detector: Mtcnn, policy: FacePolicy) -> None:
        self._detector = detector
        self._policy = policy

    def look(self, photo: Path) -> FoundFace:
        """Take one photo; every refusal comes back as a reason, none is raised."""
        try:
            image = decode_image(photo.read_bytes())
            faces = self._detector.detect(image)
            face = select_face(faces, (image.shape[0], image.shape[1]), self._policy)
            quality = measure_quality(image, face)
            return FoundFace(face, quality, align(image, face.landmarks_px), None)
        except ImageError as error:
            return FoundFace(None, None, None, error.code)


def look_at_all(
    photos: list[Path],
    networks: Path,
    detector: DetectorConfig,
    policy: FacePolicy,
    workers: int,
    progress: Callable[[int, int], None],
) -> Iterator[FoundFace]:
    """Take photos one by one, on several processes; results come in the order of the photos."""
    # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
    with ProcessPoolExecutor(
        min(workers, max(1, len(photos) // _CHUNK)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(networks, detector, policy),
    ) as pool:
        for done, found in enumerate(pool.map(_look_in_worker, photos, chunksize=_CHUNK), start=1):
            progress(done, len(photos))
            yield found


_worker: dict[str, PhotoAligner] = {}  # one for each process, because sessions cannot be sent


def _start_worker(networks: Path, detector: DetectorConfig, policy: FacePolicy) -> None:
    cv2.setNumThreads(1)
    _worker["aligner"] = PhotoAligner(Mtcnn.from_folder(networks, detector), policy)


def _look_in_worker(photo: Path) -> FoundFace:
    return _worker["aligner"].look(photo)
